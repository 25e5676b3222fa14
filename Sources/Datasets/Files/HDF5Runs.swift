import HDF5

/// Runs of bytes that are the elements of an array in an HDF5 file, read by `pread` from the global heaps that hold them, by any
/// number of threads at a time.
///
/// A heap is "GCOL", its version 1, three bytes, its size (8 bytes), then objects: number (2), count of references (2), four
/// bytes, size (8), content up to a multiple of eight; number 0 is what is free (HDF5 File Format Specification, III.E).
struct HDF5Runs: Sendable {
    let count: Int
    private let file: PositionalFile
    private let references: HDF5RunReferences
    /// Where in the file address 0 is.
    private let base: Int

    private static let headSize = 16
    /// Numbers of objects have two bytes.
    private static let mostObjects = 65_536
    /// Bytes of a heap that are read at once: some pictures begin in them.
    private static let pieceSize = 4096

    /// - Throws: `HDF5Error` for arrays that are not stored as they usually are; `DatasetError` where the file is shorter
    ///   than its references.
    init(_ dataset: HDF5Dataset, count: Int, in file: PositionalFile) throws {
        (references, base) = try dataset.runReferences()
        self.count = count
        self.file = file
        if case .place(let place) = references {
            guard place >= 0, place <= file.size, count <= (file.size - place) / HDF5RunReferences.size else {
                throw file.failure("is truncated: the references to its \(count) images do not fit into it")
            }
        }
    }

    /// Reads a run to the front of `bytes`, which grows where it must.
    ///
    /// - Returns: How many bytes it has; none where they are more than `limit`.
    /// - Throws: `DatasetError` for a run that is not where the array says, or not as long.
    func read(_ index: Int, limit: Int, into bytes: inout [UInt8]) throws -> Int? {
        let size = HDF5RunReferences.size
        let reference =
            switch references {
            case .place(let place): try file.read(at: place + size * index, count: size)
            case .bytes(let all): Array(all[size * index..<size * (index + 1)])
            }
        let words = StoredWords.word(reference, at: 8)
        let length = Int(StoredWords.word(reference, at: 0) & 0xFFFF_FFFF)
        guard length > 0 else { return 0 }
        let (address, number) = (StoredWords.word(reference, at: 4), words >> 32)
        let place = try find(UInt16(exactly: number), length: length, at: address)
        guard length <= limit else { return nil }
        try file.read(at: place, count: length, toFrontOf: &bytes)
        return length
    }

    /// Where the content of an object begins.
    private func find(_ number: UInt16?, length: Int, at address: UInt64) throws -> Int {
        guard let number, number > 0, let address = Int(exactly: address), address <= file.size - base else {
            throw damaged("its reference is none")
        }
        let start = base + address
        let head = try file.read(at: start, upTo: Self.headSize)
        guard head.count == Self.headSize, head.starts(with: Array("GCOL".utf8) + [1]),
            let size = Int(exactly: StoredWords.word(head, at: 8)), size <= file.size - start
        else { throw damaged("there is no heap at byte \(start), where it should be") }
        var place = start + Self.headSize
        var (piece, pieceStart) = ([UInt8](), 0)
        for _ in 0..<Self.mostObjects {
            guard place + Self.headSize <= start + size else { break }
            if place < pieceStart || place + Self.headSize > pieceStart + piece.count {
                piece = try file.read(at: place, count: min(Self.pieceSize, start + size - place))
                pieceStart = place
            }
            let offset = place - pieceStart
            let found = UInt16(truncatingIfNeeded: StoredWords.word(piece, at: offset))
            guard found > 0 else { break }
            guard let objectSize = Int(exactly: StoredWords.word(piece, at: offset + 8)),
                objectSize <= start + size - place - Self.headSize
            else { throw damaged("the heap at byte \(start) is damaged at byte \(place)") }
            if found == number {
                guard objectSize == length else {
                    throw damaged("it has \(objectSize) bytes, but the array says \(length)")
                }
                return place + Self.headSize
            }
            place += Self.headSize + (objectSize + 7) / 8 * 8
        }
        throw damaged("the heap at byte \(start) does not hold it")
    }

    private func damaged(_ problem: String) -> DatasetError {
        DatasetError(
            place: file.path, problem: "is damaged: " + problem, remedy: "write the file again", isAboutBytes: true)
    }
}
