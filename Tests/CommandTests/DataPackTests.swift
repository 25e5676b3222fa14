import Foundation
import Testing

/// `data pack`, and what reads its files.
@Suite struct DataPackTests {
    private let folder = TemporaryFolder.made
    private static let fixtures = Program.repository + "/Tests/Fixtures/images/"

    init() throws {
        for (split, names) in [
            ("train", ["large-1x1.jpg", "large-2x2.jpg", "ycc-2x2.jpg", "rgb8.png", "lossy.webp", "grey.jpg"]),
            ("val", ["rgb.jpg", "ycc-1x1.jpg", "rgb16.png", "ycck.jpg"]),
        ] {
            for copy in 0..<4 {
                for (number, name) in names.enumerated() {
                    let path = "\(folder.path)/set/\(split)/\(number % 2 == 0 ? "cat" : "dog")/\(copy)-\(name)"
                    try FileManager.default.createDirectory(
                        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
                    try FileManager.default.copyItem(atPath: Self.fixtures + name, toPath: path)
                }
            }
        }
    }

    private func run(
        _ arguments: String..., whileRunning: (_ process: Process, _ errorFile: String) throws -> Void = { _, _ in }
    ) throws -> Program {
        try Program.run(
            ["data"] + arguments, in: folder.path, environment: ["XDG_CACHE_HOME": folder.path + "/cache"],
            whileRunning: whileRunning)
    }

    private func bytes(_ name: String) -> Data? { FileManager.default.contents(atPath: folder.path + "/" + name) }

    @Test func aPackThatTheDiskHasNoRoomForIsRefusedBeforeAnythingIsWritten() throws {
        let full = try PreloadedLibrary.build(
            """
            #include <sys/statvfs.h>
            static int tell(struct statvfs *found) {
                *found = (struct statvfs){.f_bsize = 1, .f_frsize = 1, .f_blocks = 1 << 20, .f_bavail = 1000};
                return 0;
            }
            int statvfs(const char *path, struct statvfs *found) { return tell(found); }
            int statvfs64(const char *path, struct statvfs *found) { return tell(found); }
            """, named: "small", in: folder)
        for (encoding, choice) in [("jpeg", "a lower --quality"), ("raw", "--encoding jpeg")] {
            let packed = try Program.run(
                ["data", "pack", "set", "-o", "photos.pack", "--encoding", encoding], in: folder.path,
                environment: full.merging(["XDG_CACHE_HOME": folder.path + "/cache"]) { $1 })
            #expect(packed.status == 64, "\(packed.error)")
            #expect(packed.error.contains("but 1000 B are free in"), "\(packed.error)")
            #expect(packed.error.contains("choose \(choice) or a smaller --short-side"), "\(packed.error)")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder.path).allSatisfy { !$0.contains(".pack") })
        }
    }

    @Test func aFolderBecomesAFileThatTheOtherCommandsRead() throws {
        let packed = try run("pack", "set", "-o", "photos.pack", "--short-side", "32", "--json")
        #expect(packed.status == 0, "\(packed.error)")
        let report = try packed.json()
        let splits = try #require(report["splits"] as? [[String: Any]])
        #expect(splits.map { $0["name"] as? String } == ["train", "test"])
        #expect(splits.map { $0["images"] as? Int } == [24, 16])
        #expect(report["bytes"] as? Int == bytes("photos.pack")?.count && report["encoding"] as? String == "jpeg")
        #expect(packed.error.contains("photos.pack: about"))

        let check = try run("check", "photos.pack", "--json")
        #expect(check.status == 0, "\(check.error)")
        #expect(try check.json()["would_fail"] as? Bool == false)
        let stats = try run("stats", "photos.pack")
        #expect(stats.status == 0 && stats.output.contains("train"), "\(stats.output)")
        let sheet = try run("sample", "photos.pack", "-o", "sheet.png", "--images", "4", "--size", "32", "--json")
        #expect(sheet.status == 0 && bytes("sheet.png") != nil, "\(sheet.error)")
        let shown = try #require(sheet.json()["images"] as? [[String: Any]])
        #expect(shown.allSatisfy { ($0["image"] as? String)?.hasPrefix("train/") == true }, "\(sheet.output)")
        let rate = try run("rate", "photos.pack", "--seconds", "0.1", "--repeats", "1", "--batch", "8", "--json")
        #expect(rate.status == 0, "\(rate.error)")
        #expect(try #require(rate.json()["images_per_second"] as? Double) > 0)
        let one = try run("decode", "photos.pack", "--image", "train/cat/0-large-1x1.jpg", "-o", "one.npy", "--json")
        #expect(one.status == 0, "\(one.error)")
        #expect((try one.json()["shape"] as? [Int])?.min() == 3)
    }

    @Test func whatIsThereIsKeptUnlessForced() throws {
        #expect(try run("pack", "set", "-o", "a.pack", "--encoding", "raw").status == 0)
        let before = bytes("a.pack")
        let again = try run("pack", "set", "-o", "a.pack", "--short-side", "20")
        #expect(again.status == 64 && again.error.contains("a.pack: error: exists already"), "\(again.error)")
        #expect(bytes("a.pack") == before)
        let forced = try run("pack", "set", "-o", "a.pack", "--short-side", "20", "--force")
        #expect(forced.status == 0 && bytes("a.pack") != before, "\(forced.error)")
        let wrong = try run("pack", "set", "-o", "b.pack", "--encoding", "raw", "--quality", "80")
        #expect(wrong.status == 64 && wrong.error.contains("--quality applies only"))
        let nowhere = try run("pack", "set", "-o", "none/b.pack")
        #expect(nowhere.status == 64 && nowhere.error.contains("none: error: is no folder"), "\(nowhere.error)")
    }

    @Test func aFileThatCannotBeReadIsNamedAndTheRestIsKept() throws {
        try Data("<html>".utf8).write(to: URL(fileURLWithPath: folder.path + "/set/train/dog/9.jpg"))
        let failed = try run("pack", "set", "-o", "a.pack")
        #expect(failed.status == 64 && failed.error.contains("set/train/dog/9.jpg"), "\(failed.error)")
        #expect(bytes("a.pack") == nil)
        try FileManager.default.removeItem(atPath: folder.path + "/set/train/dog/9.jpg")
        #expect(try run("pack", "set", "-o", "a.pack").status == 0)
        #expect(bytes("a.pack.partial") == nil && bytes("a.pack.progress") == nil)
    }

    @Test func aKilledCommandGoesOnToTheSameBytes() throws {
        // Enough images for the kill to come before the end.
        for copy in 4..<120 {
            for name in ["large-1x1.jpg", "large-2x2.jpg"] {
                try FileManager.default.copyItem(
                    atPath: Self.fixtures + name, toPath: "\(folder.path)/set/train/cat/\(copy)-\(name)")
            }
        }
        #expect(try run("pack", "set", "-o", "whole.pack", "--threads", "1").status == 0)
        var kills = 0
        for milliseconds in [20, 60, 120, 200] {
            let killed = try run("pack", "set", "-o", "a.pack", "--threads", "2") { process, _ in
                let partial = folder.path + "/a.pack.partial"
                let deadline = Date.now + 20
                while process.isRunning, !FileManager.default.fileExists(atPath: partial), Date.now < deadline {
                    usleep(1000)
                }
                usleep(UInt32(milliseconds * 1000))
                kill(process.processIdentifier, SIGKILL)
            }
            if killed.status != 0 { kills += 1 }
            if bytes("a.pack") != nil { break }
        }
        #expect(kills > 0)
        if bytes("a.pack") == nil { #expect(try run("pack", "set", "-o", "a.pack").status == 0) }
        #expect(bytes("a.pack") == bytes("whole.pack"))
    }

    @Test func shardsAreNumberedAndReadTogether() throws {
        let packed = try run("pack", "set", "-o", "s.pack", "--shards", "3", "--json")
        #expect(packed.status == 0, "\(packed.error)")
        let files = try #require(packed.json()["files"] as? [String])
        #expect(files == ["s-000-of-003.pack", "s-001-of-003.pack", "s-002-of-003.pack"])
        let whole = try run("pack", "set", "-o", "w.pack", "--json")
        #expect(try whole.json()["fingerprint"] as? String == packed.json()["fingerprint"] as? String)
        let check = try run("check", "s-001-of-003.pack", "--json")
        #expect(check.status == 0, "\(check.error)")
        try FileManager.default.removeItem(atPath: folder.path + "/s-002-of-003.pack")
        let missing = try run("check", "s-001-of-003.pack")
        #expect(missing.status == 64 && missing.error.contains("s-002-of-003.pack"), "\(missing.error)")
    }
}

extension TemporaryFolder {
    fileprivate static var made: TemporaryFolder {
        do { return try TemporaryFolder() } catch { preconditionFailure("no temporary folder: \(error)") }
    }
}
