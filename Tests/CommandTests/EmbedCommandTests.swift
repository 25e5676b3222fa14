import Foundation
import Pictures
import Safetensors
import Testing

/// `embed`: features of images in files that other programs read.
@Suite(.smokeRun) struct EmbedCommandTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    func run(
        _ arguments: [String], environment: [String: String] = [:],
        whileRunning: (_ process: Process, _ errorFile: String) throws -> Void = { _, _ in }
    ) throws -> Program {
        try Program.run(
            arguments, in: folder.path,
            environment: ["XDG_CACHE_HOME": folder.path + "/cache"].merging(environment) { $1 },
            whileRunning: whileRunning)
    }

    func embed(
        _ arguments: String..., from source: String = "cjepa-s0", environment: [String: String] = [:],
        whileRunning: (_ process: Process, _ errorFile: String) throws -> Void = { _, _ in }
    ) throws -> Program {
        try run(
            ["embed", source, "--results", SmokeRun.results] + arguments, environment: environment,
            whileRunning: whileRunning)
    }

    func bytes(_ name: String) -> Data? { FileManager.default.contents(atPath: folder.path + "/" + name) }

    func file(_ name: String) throws -> SafetensorsFile {
        try SafetensorsFile(path: folder.path + "/" + name)
    }

    /// Names of the images, from the bytes of all and the places where they end.
    private func names(_ file: SafetensorsFile) throws -> [String] {
        let (text, ends) = (
            Array(try file.tensor("names").bytes), try file.tensor("name_ends").int64s().map { Int($0) }
        )
        return zip([0] + ends, ends).map { String(decoding: text[$0..<$1], as: UTF8.self) }
    }

    @Test(arguments: [("test", "target"), ("train", "context")])
    func featuresAreBitForBitThoseOfTheRunsEvaluation(_ split: String, _ encoder: String) throws {
        let stored = try run([
            "export", "cjepa-s0", "--results", SmokeRun.results, "--embeddings", "--split", split, "--encoder", encoder,
            "--format", "safetensors", "--output", "stored.safetensors",
        ])
        #expect(stored.status == 0, "\(stored.error)")
        let made = try embed("-o", "made.safetensors", "--split", split, "--encoder", encoder, "--json")
        let report = try made.checkedJSON()
        let shape = try #require(report["shape"] as? [Int])
        #expect(shape == [split == "test" ? 500 : 2000, 24] && report["non_finite"] as? Int == 0)
        let (old, new) = (try file("stored.safetensors"), try file("made.safetensors"))
        #expect(new.metadata["encoder"] == encoder && new.metadata["split"] == split && new.metadata["step"] == "24")
        let (features, labels) = (try new.tensor("features").floats(), try new.tensor("labels").int32s())
        let (storedFeatures, storedLabels) = (try old.tensor("features").floats(), try old.tensor("labels").int32s())
        let indices = try old.tensor("indices").int32s()
        #expect(indices.count == (split == "test" ? 200 : 500))
        for (row, index) in indices.enumerated() {
            let place = Int(index) * 24
            #expect(features[place..<(place + 24)].elementsEqual(storedFeatures[row * 24..<(row + 1) * 24]))
            #expect(labels[Int(index)] == storedLabels[row])
        }
        #expect(try names(new)[7] == "7")
    }

    @Test func everyFormatIsReadByDiagnoseAndDoesNotDependOnThreads() throws {
        var ranks: Set<Double> = []
        for format in ["h5", "npz", "npy", "parquet", "safetensors"] {
            for threads in ["1", "2", "7"] {
                let made = try embed("-o", "\(threads).\(format)", "--threads", threads)
                #expect(made.status == 0, "\(made.error)")
                #expect(made.output.hasPrefix("\(threads).\(format)\n"), "\(made.output)")
            }
            #expect(bytes("1.\(format)") != nil && bytes("1.\(format)") == bytes("2.\(format)"), "\(format)")
            #expect(bytes("1.\(format)") == bytes("7.\(format)"), "\(format)")
            let diagnosis = try run(["diagnose", "1.\(format)", "--json"]).checkedJSON()
            #expect(diagnosis["shape"] as? [Int] == [500, 24])
            let view = try #require((diagnosis["views"] as? [[String: Any]])?.first)
            let measures = try #require(view["measures"] as? [[String: Any]])
            ranks.insert(try #require(measures.first { $0["name"] as? String == "rankme" }?["value"] as? Double))
        }
        #expect(ranks.count == 1 && ranks.allSatisfy { $0 > 1 })
        let patches = try embed("-o", "p.h5", "--pool", "patches", "--dtype", "bfloat16")
        #expect(patches.status == 0, "\(patches.error)")
        let diagnosis = try run(["diagnose", "p.h5", "--patches", "--json"]).checkedJSON()
        #expect(diagnosis["shape"] as? [Int] == [500, 49, 24])
    }

    @Test func whatCannotBeMeantIsAnErrorOfUsage() throws {
        for (arguments, message) in [
            (["-o", "x.foo"], "tells no format"), (["-o", "x.npz", "--layer", "0"], "--layer takes"),
            (["-o", "x.npz", "--layer", "3"], "the encoder has 2 blocks"),
            (["-o", "x.npz", "--pool", "last4", "--layer", "1"], "--layer does not apply"),
            (["-o", "x.npz", "--dtype", "bfloat16"], "NumPy has no bfloat16"),
            (["-o", "x.parquet", "--pool", "patches"], "one row of numbers for each image"),
            (["-o", "x.npz", "--mean", "0.5"], "--mean and --std together"),
            (["-o", "x.npz", "--mean", "a", "--std", "1"], "--mean takes one number"),
            (["-o", "x.npz", "--mean", "0", "--std", "0"], "above 0"),
            (["-o", "x.npz", "--short-side", "30"], "does not apply to the run's own images"),
            (["-o", "x.npz", "--heads", "3"], "does not apply to cjepa-s0"),
            (["-o", "x.npz", "--set", "a=b"], "does not apply to the run's own images"),
            (["-o", "none/x.npz"], "is no folder"), (["-o", "x.npz", "--data", "none.spec"], "there is no such spec"),
            (["-o", "x.npz", "--split", "probe"], "--split"), (["-o", "x.npz", "--threads", "0"], "at least 1"),
        ] {
            let program = try run(["embed", "cjepa-s0", "--results", SmokeRun.results] + arguments)
            #expect(program.status == 64 && program.error.contains(message), "\(arguments): \(program.error)")
            #expect(program.output.isEmpty)
        }
        let nothing = try embed("-o", "x.npz", from: "nothing")
        #expect(nothing.status == 64 && nothing.error.contains("neither a file or folder of weights nor a run"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).allSatisfy { !$0.hasPrefix("x.") })
    }

    @Test func whatIsThereIsKeptUnlessForced() throws {
        #expect(try embed("-o", "a.npy").status == 0)
        let before = bytes("a.npy")
        let again = try embed("-o", "a.npy", "--layer", "1")
        #expect(again.status == 64 && again.error.contains("a.npy: error: exists already"), "\(again.error)")
        try FileManager.default.removeItem(atPath: folder.path + "/a.npy")
        // What lies beside it counts too.
        #expect(try embed("-o", "a.npy", "--layer", "1").status == 64)
        let forced = try embed("-o", "a.npy", "--layer", "1", "--force")
        #expect(forced.status == 0 && bytes("a.npy") != before && bytes("a.npy") != nil, "\(forced.error)")
    }

    /// A folder of equal pictures that take some milliseconds each, in two classes.
    func makeImages(_ count: Int) throws {
        var picture = RGBImage(width: 1100, height: 1000, color: RGBColor(20, 90, 150))
        picture.fill(x: 100, y: 300, width: 500, height: 200, color: RGBColor(210, 30, 60))
        let original = folder.path + "/original.png"
        try PNGFile.write(picture, to: original)
        for number in 0..<count {
            let path = "\(folder.path)/images/\(number % 2 == 0 ? "cat" : "dog")/\(1000 + number).png"
            try FileManager.default.createDirectory(
                atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            try FileManager.default.linkItem(atPath: original, toPath: path)
        }
    }

    @Test func aKilledCommandGoesOnToTheSameBytes() throws {
        try makeImages(600)
        #expect(try embed("--data", "images", "-o", "whole.npz", "--threads", "2").status == 0)
        let progress = folder.path + "/a.npz.progress"
        func progressBytes() -> Int {
            (try? FileManager.default.attributesOfItem(atPath: progress)[.size] as? Int) ?? 0
        }
        var (kills, reached) = (0, 24)
        for _ in 0..<2 {
            let killed = try embed("--data", "images", "-o", "a.npz", "--threads", "1") { process, _ in
                let deadline = Date.now + 60
                // Killed as soon as some images more are safe.
                while process.isRunning, progressBytes() <= reached, Date.now < deadline { usleep(2000) }
                kill(process.processIdentifier, SIGKILL)
            }
            if killed.status != 0 { kills += 1 }
            reached = progressBytes()
            if bytes("a.npz") != nil { break }
        }
        #expect(kills > 0 && bytes("a.npz") == nil)
        let last = try embed("--data", "images", "-o", "a.npz", "--threads", "2", "--json").checkedJSON()
        let resumed = try #require(last["resumed_images"] as? Int)
        #expect(resumed > 0 && resumed.isMultiple(of: 32), "\(resumed)")
        #expect(bytes("a.npz") == bytes("whole.npz") && bytes("a.npz") != nil)
        #expect(bytes("a.npz.partial") == nil && bytes("a.npz.progress") == nil)
    }

    @Test func anImageThatCannotBeReadIsNamedAndTheRestIsKept() throws {
        try makeImages(70)
        let broken = folder.path + "/images/dog/9999.png"
        try Data("<html>".utf8).write(to: URL(fileURLWithPath: broken))
        let failed = try embed("--data", "images", "-o", "a.safetensors", "--threads", "1")
        #expect(failed.status == 64 && failed.error.contains("images/dog/9999.png"), "\(failed.error)")
        #expect(bytes("a.safetensors") == nil && bytes("a.safetensors.partial") != nil)
        try FileManager.default.removeItem(atPath: broken)
        let made = try embed("--data", "images", "-o", "a.safetensors")
        #expect(made.status == 0 && made.error.contains("made anew: it was of other images"), "\(made.error)")
        let file = try file("a.safetensors")
        #expect(try file.tensor("features").shape == [70, 24])
        #expect(try names(file).prefix(2) == ["cat/1000.png", "cat/1002.png"])
        #expect(try file.tensor("labels").int32s() == Array(repeating: 0, count: 35) + Array(repeating: 1, count: 35))
        #expect(file.metadata["label_names"] == #"["cat","dog"]"# && file.metadata["split"] == "images")
        // As the run was shown its own images: its normalisation, and the whole image as far as it is square.
        #expect(file.metadata["short_side"] == "28")
        let shown = try embed(
            "--data", "images", "-o", "b.safetensors", "--mean", "0.5", "--std", "0.25", "--short-side", "40")
        #expect(shown.status == 0, "\(shown.error)")
        let other = try self.file("b.safetensors")
        #expect(other.metadata["normalization_mean"] == "0.5" && other.metadata["short_side"] == "40")
        #expect(try other.tensor("features").floats() != file.tensor("features").floats())
    }

    private static let fullDisk = """
        #define _GNU_SOURCE
        #include <errno.h>
        #include <stdio.h>
        #include <string.h>
        #include <sys/syscall.h>
        #include <unistd.h>
        static ssize_t put(int file, const void *bytes, size_t count, off_t place) {
            char link[64], path[4096];
            snprintf(link, sizeof link, "/proc/self/fd/%d", file);
            ssize_t length = readlink(link, path, sizeof path - 1);
            path[length < 0 ? 0 : length] = 0;
            if (place > 20000 && strstr(path, ".partial")) { errno = ENOSPC; return -1; }
            return syscall(SYS_pwrite64, file, bytes, count, place);
        }
        ssize_t pwrite(int f, const void *b, size_t c, off_t p) { return put(f, b, c, p); }
        ssize_t pwrite64(int f, const void *b, size_t c, off_t p) { return put(f, b, c, p); }
        """

    @Test func aFullDiskEndsItWithAMessageAndWhatIsDoneIsKept() throws {
        let full = try PreloadedLibrary.build(Self.fullDisk, named: "full", in: folder)
        let failed = try embed("-o", "a.npy", "--threads", "1", environment: full)
        #expect(failed.status == 1, "\(failed.error)")
        #expect(failed.error.contains("a.npy: error: cannot write: No space left on device"), "\(failed.error)")
        #expect(bytes("a.npy") == nil)
        let made = try embed("-o", "a.npy", "--json").checkedJSON()
        #expect(try #require(made["resumed_images"] as? Int) > 0)
        #expect(try embed("-o", "b.npy").status == 0)
        #expect(bytes("a.npy") == bytes("b.npy") && bytes("a.npy") != nil)
    }

    @Test func aFileThatTheDiskHasNoRoomForIsRefusedBeforeAnythingIsWritten() throws {
        let small = try PreloadedLibrary.build(
            """
            #include <sys/statvfs.h>
            static int tell(struct statvfs *found) {
                *found = (struct statvfs){.f_bsize = 1, .f_frsize = 1, .f_blocks = 1 << 20, .f_bavail = 1000};
                return 0;
            }
            int statvfs(const char *path, struct statvfs *found) { return tell(found); }
            int statvfs64(const char *path, struct statvfs *found) { return tell(found); }
            """, named: "small", in: folder)
        let refused = try embed("-o", "a.npz", environment: small)
        #expect(refused.status == 64 && refused.error.contains("but 1000 B are free in"), "\(refused.error)")
        #expect(bytes("a.npz.partial") == nil)
    }
}
