import Foundation
import HDF5
import TestSupport
import Testing

/// A sealed file is what was written or is refused, before the library reads it.
@Suite struct HDF5SealTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private var path: String { folder.file("sealed.h5") }

    private func image(isSealed: Bool = true) throws -> Data {
        let file = try HDF5File(buildingInMemory: "sealed", isSealed: isSealed)
        try file.root.create("numbers", [1.0, 2, 3], shape: [3]).attributes.write("unit", .string("s"))
        return try file.image()
    }

    private func write(_ data: Data) throws { try data.write(to: URL(fileURLWithPath: path)) }

    /// What opening the file says; none where it opens.
    private func complaint() -> String? {
        do {
            _ = try HDF5File(reading: path)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func aSealedFileIsReadAsWritten() throws {
        let sealed = try image()
        try write(sealed)
        let file = try HDF5File(reading: path)
        #expect(file.isSealed)
        #expect(try file.root.dataset("numbers").read() == [1.0, 2, 3])
        #expect(HDF5File.isBeginning([UInt8](sealed.prefix(8))))
        // The same file without its block is one of an earlier version.
        let plain = try image(isSealed: false)
        try write(plain)
        #expect(try !HDF5File(reading: path).isSealed)
        #expect(HDF5File.isBeginning([UInt8](plain.prefix(8))))
    }

    @Test func aBitAnywhereIsNoticed() throws {
        let whole = try image()
        for place in whole.indices {
            var damaged = whole
            damaged[place] ^= 1 << UInt8(place % 8)
            try write(damaged)
            let text = complaint()
            #expect(
                text?.contains("damaged") == true && text?.contains("checksum") == true, "byte \(place): \(text ?? "")")
        }
    }

    @Test func missingAndAddedBytesAreNoticed() throws {
        let whole = try image()
        for count in [0, 1, 15, 16, 100, 511, 512, 513, whole.count / 2, whole.count - 1] {
            try write(whole.prefix(count))
            #expect(complaint()?.contains("damaged") == true, "\(count) bytes")
        }
        try write(whole + Data([0]))
        #expect(complaint()?.contains("but \(whole.count) were written") == true)
        // A block that lies about nothing but belongs to another file.
        try write(whole.prefix(512) + image(isSealed: false))
        #expect(complaint()?.contains("damaged") == true)
    }

    @Test func whatIsOpenStaysAsItWas() throws {
        try write(image())
        let first = try HDF5File(reading: path)
        let other = try HDF5File(buildingInMemory: "other", isSealed: true)
        try other.root.create("numbers", [7.0], shape: [1])
        try other.image().write(to: URL(fileURLWithPath: path), options: .atomic)
        #expect(try first.root.dataset("numbers").read() == [1.0, 2, 3])
        #expect(try HDF5File(reading: path).root.dataset("numbers").read() == [7.0])
    }

    @Test func whatIsNoFileIsRefusedAtOnce() throws {
        #expect { try HDF5File(reading: folder.path) } throws: { "\($0)".contains("not a file but a folder") }
        #expect(mkfifo(path, 0o600) == 0)
        #expect { try HDF5File(reading: path) } throws: { "\($0)".contains("a pipe") }
    }
}
