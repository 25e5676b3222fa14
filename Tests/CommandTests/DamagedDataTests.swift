import Foundation
import TestSupport
import Testing

/// Damaged data read by the program: it ends by itself, says what is wrong, and takes no more memory than sound data does
/// and the limits allow.
@Suite struct DamagedDataTests {
    private static let environment = ProcessInfo.processInfo.environment
    /// Damaged files of each kind; a program is started for each. `make fuzz-images` asks for more.
    private static let count = environment["PROGRAM_MUTATIONS"].flatMap { Int($0) } ?? 5
    private static let seed = environment["IMAGE_MUTATION_SEED"].flatMap { UInt64($0) } ?? 1
    /// Beyond what sound data takes: a picture of `max_pixels` in some forms for each thread, and what the allocator keeps.
    private static let allowance = 64 << 10
    private static let threads = 2

    private struct Outcome {
        let program: Program
        /// Most resident memory, KiB.
        let peak: Int
    }

    /// Runs `data check` by way of a small process: what its parent took counts as a program's peak, too.
    private func check(_ place: String, in folder: TemporaryFolder) throws -> Outcome {
        let script = """
            import resource, subprocess, sys
            try: code = subprocess.run(sys.argv[1:], timeout=300).returncode
            except subprocess.TimeoutExpired: code = 124
            print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
            sys.exit(code if code >= 0 else 128 - code)
            """
        let program = try Program.run(
            ["-c", script, Program.path, "data", "check", place, "--threads", "\(Self.threads)", "--fresh", "--json"],
            executable: "/usr/bin/python3", in: folder.path,
            environment: ["XDG_CACHE_HOME": folder.path + "/cache", "OPENBLAS_NUM_THREADS": "1"])
        let peak = try #require(program.error.split(separator: "\n").last.flatMap { Int($0) }, "\(program.error)")
        return Outcome(program: program, peak: peak)
    }

    /// It has an answer, or names what is wrong and what to do.
    private func expectAnswer(_ program: Program, _ what: String) {
        #expect([0, 1, 64].contains(program.status), "\(what): \(program.status) \(program.error)")
        let isSaid = program.status == 64 ? program.error.contains("    → ") : !program.output.isEmpty
        #expect(isSaid, "\(what): \(program.error)")
    }

    private func put(_ bytes: [UInt8], _ name: String, in folder: TemporaryFolder) throws {
        let url = URL(fileURLWithPath: folder.path + "/" + name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
    }

    private static func fixture(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: Program.repository + "/Tests/Fixtures/" + name)))
    }

    private static func spec(_ data: String) -> String {
        "data: {\(data)}\nmodel: {channels: 3}\ntraining: {steps: 1, batch_size: 2}\nresources: {shards: 1}\nevaluation: {knn: {k: [1]}, linear.held_out: 0.4, logistic.enabled: false}\n"
    }

    // MARK: Pictures

    private static let pictures = [
        "rgb.jpg", "progressive.jpg", "arithmetic-progressive.jpg", "large-2x2.jpg", "cmyk.jpg", "restart.jpg",
        "rgb16-interlaced.png", "rgba8.png", "palette8.png", "grey1-interlaced.png", "lossy.webp",
        "lossless-alpha.webp",
        "orientation-6.jpg", "lossy-large.webp",
    ]

    /// The picture with another size in its header, where that is stated: of up to 65,535 pixels a side.
    private static func claiming(_ side: UInt16, _ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        let pair = [UInt8(side >> 8), UInt8(side & 0xFF)]
        if bytes.starts(with: [0x89]) {
            bytes.replaceSubrange(16..<24, with: [0, 0] + pair + [0, 0] + pair)
            let sum = crc32(bytes[12..<29])
            bytes.replaceSubrange(29..<33, with: (0..<4).map { UInt8(truncatingIfNeeded: sum >> (24 - 8 * $0)) })
        } else if bytes.starts(with: [0xFF, 0xD8]) {
            let frames: [UInt8] = [0xC0, 0xC1, 0xC2, 0xC9, 0xCA]
            var place = 2
            while place + 9 < bytes.count, !frames.contains(bytes[place + 1]) {
                place += 2 + Int(bytes[place + 2]) << 8 + Int(bytes[place + 3])
            }
            if place + 9 < bytes.count { bytes.replaceSubrange(place + 5..<place + 9, with: pair + pair) }
        }
        return bytes
    }

    @Test func picturesThatLieTakeNoMoreMemoryThanTheLimit() throws {
        let pictures = try Self.pictures.map { try Self.fixture("images/" + $0) }
        let folder = try TemporaryFolder()
        var generator = SeededGenerator(state: Self.seed)
        let spec = try folder.write(
            Self.spec("dataset: image_folder, folder: set, max_pixels: 1000000, max_bytes: 1000000"), to: "x.spec")
        var soundPeak = 0
        for round in 0...max(1, Self.count / 5) {
            for number in 0..<(round == 0 ? pictures.count : 200) {
                let sound = pictures[number % pictures.count]
                let other = pictures[Int.random(in: 0..<pictures.count, using: &generator)]
                let bytes =
                    round == 0
                    ? sound
                    : number < 40
                        ? Self.claiming([65_000, 20_000, 1_000][number % 3], sound)
                        : sound.mutated(with: other, head: 64, using: &generator)
                // Names say nothing of what is in a file.
                try put(bytes, "set/train/cat/\(number).jpg", in: folder)
            }
            for number in 0..<2 { try put(pictures[number], "set/test/cat/\(number).jpg", in: folder) }
            let outcome = try check(spec, in: folder)
            expectAnswer(outcome.program, "round \(round), seed \(Self.seed)")
            let report = try outcome.program.json()
            let findings = try #require(report["findings"] as? [[String: Any]])
            let unreadable = findings.first { $0["kind"] as? String == "unreadable" }
            if round == 0 {
                soundPeak = outcome.peak
                #expect(unreadable == nil, "\(outcome.program.output)")
            } else {
                #expect(unreadable?["count"] as? Int ?? 0 > 60, "\(outcome.program.output)")
                #expect(outcome.peak < soundPeak + Self.allowance, "round \(round), seed \(Self.seed)")
            }
        }
    }

    // MARK: Files of many images

    /// A data set of which one file at a time is damaged.
    struct Kind: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let data: String
        let files: @Sendable () throws -> [String: [UInt8]]
    }

    static let kinds = [
        Kind(
            testDescription: "tar",
            data: "dataset: tar, train_shards: [ustar.tar, gnu.tar], test_shards: [pax.tar], "
                + "shard_labels: folder",
            files: {
                try ["ustar.tar", "gnu.tar", "pax.tar"].reduce(into: [:]) { $0[$1] = try fixture("containers/" + $1) }
            }),
        Kind(testDescription: "CIFAR-10", data: "dataset: cifar10", files: { SmallCIFAR.binary(images: 4) }),
        Kind(testDescription: "CIFAR-10, pickled", data: "dataset: cifar10", files: { SmallCIFAR.pickled(images: 4) }),
        Kind(testDescription: "CIFAR-100", data: "dataset: cifar100", files: { SmallCIFAR100.binary(images: 5) }),
        Kind(testDescription: "STL-10", data: "dataset: stl10", files: { SmallSTL.files() }),
        Kind(
            testDescription: "encoded images in HDF5",
            data: "dataset: hdf5_encoded, train_file: photos.h5, test_file: photos.h5, images_path: train/images, "
                + "labels_path: train/labels, test_images_path: test/images, test_labels_path: test/labels",
            files: { ["photos.h5": try fixture("containers/photos.h5")] }),
    ]

    @Test(arguments: kinds)
    func filesThatLieTakeNoMoreMemoryThanSoundOnes(_ kind: Kind) throws {
        let (folder, files) = (try TemporaryFolder(), try kind.files())
        for (name, bytes) in files { try put(bytes, "set/" + name, in: folder) }
        let spec = try folder.write(Self.spec(kind.data + ", folder: set"), to: "x.spec")
        let sound = try check(spec, in: folder)
        #expect([0, 1].contains(sound.program.status), "\(sound.program.error)")
        var generator = SeededGenerator(state: Self.seed)
        let names = files.keys.sorted()
        for number in 0..<Self.count {
            let name = names[number % names.count]
            let bytes = try #require(files[name])
            let other = try #require(files[names[Int.random(in: 0..<names.count, using: &generator)]])
            try put(bytes.mutated(with: other, head: 2_000, using: &generator), "set/" + name, in: folder)
            defer { _ = try? put(bytes, "set/" + name, in: folder) }
            let outcome = try check(spec, in: folder)
            let what = "mutation \(number) of \(name), seed \(Self.seed)"
            expectAnswer(outcome.program, what)
            #expect(outcome.peak < sound.peak + Self.allowance, "\(what): \(sound.peak) KiB, then \(outcome.peak) KiB")
        }
    }
}
