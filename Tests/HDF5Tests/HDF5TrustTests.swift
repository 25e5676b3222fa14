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

    /// Chunks of any bytes, as `write_direct_chunk` stores them: `chunk(name, bytes, …)` of 24 numbers.
    private func madeOfChunks(_ script: String) throws -> HDF5Group {
        try made(
            """
            import struct, zlib
            def chunk(name, content, mask=0, length=24, dtype='f8', **storage):
                data = file.create_dataset(
                    name, (24,), dtype, chunks=(length,), maxshape=(None,), **storage)
                data.id.write_direct_chunk((0,), content, filter_mask=mask)

            """ + script)
    }

    /// Of a chunk that is shorter than its checksum, libhdf5 1.10 reads the bytes before it until it crashes; of one that
    /// is shorter than it should be, it gives whatever lies behind it in memory.
    @Test func chunksOfTheWrongLengthAreRefused() throws {
        let root = try madeOfChunks(
            """
            for count in (1, 3):
                chunk(f'checksum{count}', b'x' * count, fletcher32=True)
            chunk('checksum8', bytes(4) + struct.pack('<I', 0), fletcher32=True)
            chunk('shuffled', bytes(4) + struct.pack('<I', 0), fletcher32=True, shuffle=True)
            chunk('short', b'abc')
            chunk('long', b'a' * 3000)
            chunk('deflated', zlib.compress(b'abc'), compression='gzip')
            chunk('cut', zlib.compress(bytes(192))[:-6], compression='gzip')
            chunk('no zlib', b'abcdefgh', compression='gzip')
            chunk('unfiltered', bytes(100), mask=7, compression='gzip', shuffle=True, fletcher32=True)
            chunk('whole', bytes(192))
            chunk('whole deflated', zlib.compress(bytes(192)), compression='gzip')
            chunk('whole unfiltered', bytes(192), mask=7, compression='gzip', shuffle=True, fletcher32=True)
            file.create_dataset('usual', data=np.arange(24.0), compression='gzip', shuffle=True, fletcher32=True)
            file.create_dataset('not written', shape=(24,), dtype='f8', chunks=(5,))
            file.create_dataset('rows', data=np.arange(700.0).reshape(100, 7), chunks=(8, 3), compression='gzip')
            """)
        for name in try root.childNames() where !["usual", "not written", "rows"].contains(name) {
            if name.hasPrefix("whole") {
                #expect(try root.dataset(name).read(as: Double.self) == [Double](repeating: 0, count: 24))
                continue
            }
            #expect { try root.dataset(name).read(as: Double.self) } throws: {
                "\($0)".contains("/\(name)") && "\($0)".contains("a chunk of it")
            }
            #expect(throws: HDF5Error.self) { try root.dataset(name).read(rows: 3..<5, as: Double.self) }
        }
        #expect(try root.dataset("usual").read() == (0..<24).map(Double.init))
        #expect(try root.dataset("not written").read() == [Double](repeating: 0, count: 24))
        #expect(try root.dataset("rows").read() == (0..<700).map(Double.init))
        #expect(try root.dataset("rows").read(rows: 30..<41) == (210..<287).map(Double.init))
    }

    /// Deflate makes a thousand bytes of one. What a chunk has is known before.
    @Test func chunksThatUnpackToMoreThanAChunkAreRefused() throws {
        let root = try madeOfChunks(
            "chunk('bomb', zlib.compress(bytes(1 << 27)), length=100000, compression='gzip')")
        #expect { try root.dataset("bomb").read(as: Double.self) } throws: {
            "\($0)".contains("/bomb") && "\($0)".contains("more than 800064 bytes")
        }
    }

    /// The library trusts what packed data says of its own size.
    @Test func filtersThatAreNotCheckedAreNamed() throws {
        let root = try made(
            """
            file.create_dataset('x', data=np.arange(24), chunks=(24,), scaleoffset=0)
            file.create_dataset('chunks', shape=(1 << 22, 5), dtype='f8', chunks=(1, 1))
            """)
        #expect { try root.dataset("x").read(as: Int64.self) } throws: {
            "\($0)".contains("/x") && "\($0)".contains("packed with the filter 6")
        }
        // The library notes a kilobyte or so of each chunk that it is to read.
        #expect { try root.dataset("chunks").read(as: Double.self) } throws: {
            "\($0)".contains("/chunks") && "\($0)".contains("more than 262144 chunks")
        }
    }

    /// A string of variable length is a reference into a heap, and many may be the same.
    @Test func stringsThatShareTheirBytesAreRefused() throws {
        let root = try made(
            """
            import struct
            file.attrs['long'] = 'L' * 1_500_000
            file.attrs['texts'] = ['Q0', 'Q1', 'Q2']
            file.close()
            content = bytearray(open('file.h5', 'rb').read())

            def references(length):
                mark, place = struct.pack('<I', length), -1
                while (place := content.find(mark, place + 1)) >= 0:
                    heap, index = struct.unpack_from('<QI', content, place + 4)
                    if content[heap:heap + 4] == b'GCOL':
                        yield place

            long, = references(1_500_000)
            for place in references(2):
                content[place:place + 16] = content[long:long + 16]
            open('file.h5', 'wb').write(content)
            """)
        #expect(try root.attributes.read("long") == .string(String(repeating: "L", count: 1_500_000)))
        #expect { try root.attributes.read("texts") } throws: {
            "\($0)".contains("@texts") && "\($0)".contains("3 strings are longer than the file")
        }
    }

    @Test func attributesAreBoundedToo() throws {
        let root = try made(
            """
            wide = h5py.h5t.STD_I64LE.copy()
            wide.set_size(1000)
            h5py.h5a.create(file.id, b'wide', wide, h5py.h5s.create_simple((3,)))
            file.attrs['texts'] = ['a'] * 300
            file.attrs['few'] = ['a', 'b']
            group = file.create_group('group')
            for index in range(300):
                group.attrs[f'k{index}'] = index
            """)
        #expect { try root.attributes.read("wide") } throws: { "\($0)".contains("@wide") }
        #expect { try root.attributes.read("texts") } throws: {
            "\($0)".contains("@texts") && "\($0)".contains("300 strings")
        }
        #expect(try root.attributes.read("few") == .strings(["a", "b"]))
        #expect(throws: HDF5Error.self) { try root.attributes.all() }
        let attributes = try root.group("group").attributes
        #expect(try attributes.names() == (0..<300).map { "k\($0)" }.sorted())
        #expect(try attributes.all()["k7"] == .integer(7))
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
