import Foundation
import Safetensors

/// Keeps what passes over large files found out, so that the next process need not read them as a whole.
///
/// One JSON file for each description of files: their paths, sizes, times and places on disk. What is damaged or was found
/// for other files is as good as none.
struct StatisticsCache: Sendable {
    /// Fewer bytes of pixels are counted faster than it is worth keeping a file.
    static let worthwhile = 32 << 20

    private struct Entry: Codable {
        let description: String
        let statistics: PixelStatistics
    }

    /// Made when something is kept.
    let folder: String

    /// Beside the indices of folders.
    static var standard: StatisticsCache { StatisticsCache(folder: IndexCache.standard().folder) }

    /// What is kept, else what `count` finds, which is then kept.
    ///
    /// - Parameter description: Of the files; their stamps are part of it, so that a file that has changed is another.
    func statistics(
        of description: String, channels: Int, count: () throws -> PixelStatistics
    ) throws -> PixelStatistics {
        // The version of the layout and of what is counted.
        let name = Array("pixels 1\n\(description)".utf8)
        let digits = unsafe name.withUnsafeBytes { unsafe XXH64.digits(XXH64.checksum(of: $0)) }
        let path = "\(folder)/pixels-\(digits).json"
        if let entry = load(path), entry.description == description, entry.statistics.histograms.count == channels,
            entry.statistics.histograms.allSatisfy({ $0.count == 256 && $0.allSatisfy { (0...1 << 50).contains($0) } })
        {
            return entry.statistics
        }
        let counted = try count()
        save(Entry(description: description, statistics: counted), path)
        return counted
    }

    private func load(_ path: String) -> Entry? {
        do {
            let file = try PositionalFile(path: path, remedy: "")
            return try JSONDecoder().decode(Entry.self, from: Data(file.text(limit: 1 << 20).utf8))
        } catch {
            // Whatever is wrong with it: it is made again.
            return nil
        }
    }

    /// A folder that cannot be written is no fault: the next process counts again.
    private func save(_ entry: Entry, _ path: String) {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try JSONEncoder().encode(entry).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            return
        }
    }
}
