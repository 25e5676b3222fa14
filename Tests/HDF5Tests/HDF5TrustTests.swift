import Foundation
import HDF5
import TestSupport
import Testing

/// What a file says of itself is not believed: it is read, or refused with an error that names the place.
@Suite struct HDF5TrustTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func stored(_ name: String = "file.h5", _ body: (HDF5Group) throws -> Void) throws -> HDF5Group {
        let file = try HDF5File(buildingInMemory: name)
        try body(file.root)
        try file.image().write(to: URL(fileURLWithPath: folder.file(name)))
        return try HDF5File(reading: folder.file(name)).root
    }

    /// Runs a Python script that makes "file.h5" with h5py.
    private func made(_ script: String) throws -> HDF5Group {
        let python = Process()
        python.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        python.arguments = [
            "-c", "import h5py, numpy as np\nfile = h5py.File('\(folder.file("file.h5"))', 'w')\n" + script,
        ]
        python.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        try python.run()
        python.waitUntilExit()
        try #require(python.terminationStatus == 0, "python3-h5py is needed")
        return try HDF5File(reading: folder.file("file.h5")).root
    }

    @Test func shapesAreBoundedByTheSizeOfTheFile() throws {
        for shape in ["(1 << 40,)", "(1 << 62,)", "(1 << 32, 1 << 31)", "(1 << 40, 1 << 40)"] {
            let root = try made("file.create_dataset('x', shape=\(shape), dtype='f8', chunks=True)")
            #expect { try root.dataset("x").read(as: Double.self) } throws: {
                "\($0)".contains("/x") && "\($0)".contains("too much for a file of its size")
            }
        }
        // Numbers that hardly vary compress to next to nothing, and are read.
        let root = try made("file.create_dataset('x', data=np.zeros(1 << 20), compression='gzip')")
        #expect(try root.dataset("x").read(as: Double.self).count == 1 << 20)
        #expect(HDF5Bounds.memory(ofFile: .max) == .max / 256 * 256)
    }

    @Test func whatIsInOtherFilesIsNotRead() throws {
        let root = try made(
            """
            np.arange(4.0).tofile('raw')
            file.create_dataset('outside', shape=(4,), dtype='f8', external=[('raw', 0, 32)])
            layout = h5py.VirtualLayout(shape=(4,), dtype='f8')
            layout[:] = h5py.VirtualSource('other.h5', 'x', shape=(4,))
            file.create_virtual_dataset('virtual', layout)
            file['other'] = h5py.ExternalLink('file.h5', '/outside')
            file['name'] = h5py.SoftLink('/outside')
            """)
        for (path, reason) in [
            ("outside", "external storage"), ("virtual", "virtual dataset"), ("other", "a link to another file"),
            ("name", "a link by name"),
        ] {
            #expect { try root.dataset(path) } throws: { "\($0)".contains("/\(path)") && "\($0)".contains(reason) }
        }
        let copy = try HDF5File(buildingInMemory: "copy")
        #expect { try copy.root.copy("outside", of: root, to: "x") } throws: { "\($0)".contains("external storage") }
        #expect(root.externalTarget(of: "other")?.file == "file.h5")
        #expect(root.externalTarget(of: "name") == nil && root.externalTarget(of: "none") == nil)
    }

    @Test func oneObjectIsKnownByAnyName() throws {
        let root = try made("file['a/b'] = 1\nfile['a/up'] = file['/']")
        #expect(try root.group("a/up").identity() == root.identity())
        #expect(try root.group("a").identity() != root.identity())
    }

    /// The library takes whatever a filter gives it for a whole chunk, and would read beyond its end.
    @Test func chunksThatUnpackToTooFewBytesAreRefused() throws {
        let storage = HDF5Storage(chunk: [4096], zstdLevel: 3)
        _ = try stored {
            try $0.create("large", [Double](repeating: 1, count: 4096), shape: [4096], storage: storage)
            try $0.create(
                "small", [Double](repeating: 2, count: 1), shape: [1], storage: .init(chunk: [1], zstdLevel: 3))
        }
        // A whole and valid frame, of another array, in the place of the large one's.
        var bytes = try Data(contentsOf: URL(fileURLWithPath: folder.file("file.h5")))
        let magic = Data([0x28, 0xb5, 0x2f, 0xfd])
        let first = try #require(bytes.range(of: magic))
        let second = try #require(bytes.range(of: magic, in: first.upperBound..<bytes.endIndex))
        let small = Data(bytes[second.lowerBound..<min(second.lowerBound + 17, bytes.endIndex)])
        bytes.replaceSubrange(first.lowerBound..<(first.lowerBound + small.count), with: small)
        try bytes.write(to: URL(fileURLWithPath: folder.file("file.h5")))
        let root = try HDF5File(reading: folder.file("file.h5")).root
        #expect { try root.dataset("large").read(as: Double.self) } throws: { "\($0)".contains("/large") }
    }

    @Test func everyArrayCarriesAChecksum() throws {
        let root = try stored {
            try $0.create("plain", (0..<100).map(Double.init), shape: [100])
            try $0.create(
                "packed", [Float](repeating: 1, count: 600), shape: [60, 10],
                storage: .compressed(shape: [60, 10], elementByteCount: 4))
            try $0.create("scalar", [1.0], shape: [])
            try $0.create("empty", [] as [Double], shape: [0])
        }
        #expect(try root.dataset("plain").filters().map(\.identifier) == [3])
        #expect(try root.dataset("packed").filters().map(\.identifier) == [2, 32015, 3])
        #expect(try root.dataset("scalar").filters().isEmpty && root.dataset("empty").filters().isEmpty)
        #expect(try root.dataset("plain").read() == (0..<100).map(Double.init))

        // A damaged number is noticed by the library, so also by h5py.
        var bytes = try Data(contentsOf: URL(fileURLWithPath: folder.file("file.h5")))
        let number = try #require(bytes.range(of: withUnsafeBytes(of: 77.0) { Data($0) }))
        bytes[number.lowerBound] ^= 1
        try bytes.write(to: URL(fileURLWithPath: folder.file("file.h5")))
        let damaged = try HDF5File(reading: folder.file("file.h5")).root
        #expect { try damaged.dataset("plain").read(as: Double.self) } throws: { "\($0)".contains("/plain") }
    }
}
