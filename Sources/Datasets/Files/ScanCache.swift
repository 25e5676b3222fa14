import Foundation

/// Keeps what was found by reading all images of a data set, or a large file, beside the indices of folders.
///
/// A file that is damaged is as good as none; one that cannot be written is no fault: the next run reads again.
struct ScanCache {
    let folder: String

    static var standard: ScanCache { ScanCache(folder: IndexCache.standard().folder) }

    private func url(_ kind: String, _ key: Fingerprint) -> URL {
        URL(fileURLWithPath: "\(folder)/\(kind)-\(key.text).json")
    }

    /// What is kept for a key, where it passes a check; else what `make` gives.
    ///
    /// - Parameter isCostly: Whether that is kept in any case; else if it took a second or more.
    func value<Value: Codable>(
        _ kind: String, _ key: Fingerprint, isCostly: Bool = false, isValid: (Value) -> Bool, make: () throws -> Value
    ) rethrows -> Value {
        if let known: Value = load(kind, key), isValid(known) { return known }
        let clock = ContinuousClock()
        let start = clock.now
        let made = try make()
        if isCostly || clock.now - start >= .seconds(1) { save(made, kind, key) }
        return made
    }

    /// What is kept for a key; none where there is nothing that can be read.
    func load<Value: Codable>(_ kind: String, _ key: Fingerprint) -> Value? {
        (try? Data(contentsOf: url(kind, key))).flatMap { try? JSONDecoder().decode(Value.self, from: $0) }
    }

    func save<Value: Codable>(_ value: Value, _ kind: String, _ key: Fingerprint) {
        guard let data = try? JSONEncoder().encode(value) else { return }
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try? data.write(to: url(kind, key), options: .atomic)
    }
}
