import Safetensors
import TensorCore

/// A checksum over the bytes of a few files, always the same ones: tells a data set from another whose files have the same
/// names and sizes, without reading all of it.
///
/// Of the fraction f of the files replaced by others of their sizes, it misses all with probability (1 − f)²⁵⁶; in a set of
/// 256 files or fewer, none.
enum ContentSample {
    /// Most files that are read, and most bytes of them together.
    static let files = 256
    static let bytes = 64 << 20

    /// Which images of a data set are read, in order: all of a small one.
    static func choice(of count: Int) -> [Int] {
        guard count > files else { return Array(0..<count) }
        var random = RandomStream(seed: 0, purpose: .subset)
        var chosen: Set<Int> = []
        while chosen.count < files { chosen.insert(random.integer(below: count)) }
        return chosen.sorted()
    }

    /// - Returns: None for images that are no files of their own: their fingerprint is over all contents.
    /// - Throws: `DatasetError` for a chosen file that cannot be read, or was replaced since the data set was opened.
    static func checksum(of source: any EncodedFiles) throws -> Fingerprint? {
        guard source.count > 0, source.state(of: 0) != nil else { return nil }
        var left = bytes
        // Sizes are part of the data set's fingerprint, so equal sets have equal choices.
        let chosen = choice(of: source.count).filter { image in
            guard let size = source.state(of: image)?.size, size >= 0, size <= left else { return false }
            left -= size
            return true
        }
        let sums = ImageScan.map(0..<chosen.count, pieces: 16) { range in
            Result { () throws -> [UInt64] in
                var bytes: [UInt8] = []
                return try range.map { place in
                    let size = try source.read(chosen[place], limit: Self.bytes, into: &bytes)
                    return StoredWords.checksum(bytes, first: size)
                }
            }
        }
        var hash = Fingerprint()
        for piece in sums { for sum in try piece.get() { hash.add(sum) } }
        return hash
    }
}
