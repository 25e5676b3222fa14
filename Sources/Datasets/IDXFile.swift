/// An array of unsigned bytes in the IDX format of MNIST, gzipped or not.
///
/// Layout: two zero bytes, the element type (8 = unsigned byte), the number of dimensions, each extent as a big-endian
/// 32-bit number, then the elements, the last dimension fastest (yann.lecun.com/exdb/mnist).
struct IDXFile {
    /// What comes before the elements.
    struct Head {
        let dimensions: [Int]

        private static let unsignedByte: UInt8 = 8

        /// - Parameter allowed: Numbers of dimensions that are allowed.
        init(_ file: GzipFile, dimensions allowed: ClosedRange<Int>) throws {
            let magic = try file.read(4)
            guard magic.count == 4 else {
                throw file.failure("is truncated: \(magic.count) of the 4 bytes that begin its header")
            }
            guard magic[0] == 0 && magic[1] == 0 else {
                let seen = magic.map { String($0, radix: 16) }.joined(separator: " ")
                throw file.failure("is not an IDX file: it begins with bytes \(seen), not with 0 0")
            }
            guard magic[2] == Self.unsignedByte else {
                throw file.failure("holds elements of IDX type \(magic[2]); only unsigned bytes (type 8) can be read")
            }
            let rank = Int(magic[3])
            guard allowed.contains(rank) else {
                let wanted = allowed.map(String.init).joined(separator: " or ")
                throw file.failure("holds an array of rank \(rank) instead of \(wanted)")
            }
            let extents = try file.read(4 * rank)
            guard extents.count == 4 * rank else { throw file.failure("is truncated within its header") }
            dimensions = (0..<rank).map { axis in
                extents[4 * axis..<4 * axis + 4].reduce(0) { $0 << 8 | Int($1) }
            }
        }
    }

    let dimensions: [Int]
    let bytes: [UInt8]

    /// - Parameters:
    ///   - dimensions: Numbers of dimensions that are allowed.
    ///   - remedy: What to do about a file that is missing or broken.
    init(path: String, dimensions allowed: ClosedRange<Int>, remedy: String) throws {
        let file = try GzipFile(path: path, remedy: remedy)
        let dimensions = try Head(file, dimensions: allowed).dimensions
        self.dimensions = dimensions
        let (expected, overflow) = dimensions.reduce((1, false)) { product, extent in
            let next = product.0.multipliedReportingOverflow(by: extent)
            return (next.partialValue, product.1 || next.overflow)
        }
        // Deflate packs at most 1,032 bytes into one; a larger claim is not worth the memory to find out.
        guard !overflow, try expected <= 1032 * file.packedSize() else {
            throw file.failure("is truncated: its header announces \(Self.text(dimensions)) bytes")
        }
        bytes = try file.read(expected)
        guard bytes.count == expected else {
            throw file.failure("is truncated: \(bytes.count) of \(expected) bytes (\(Self.text(dimensions)))")
        }
        // Also makes zlib compare its checksum at the end.
        guard try file.read(1).isEmpty else {
            throw file.failure(
                "has more than the \(expected) bytes (\(Self.text(dimensions))) that its header announces")
        }
    }

    private static func text(_ dimensions: [Int]) -> String {
        dimensions.map(String.init).joined(separator: "×")
    }
}
