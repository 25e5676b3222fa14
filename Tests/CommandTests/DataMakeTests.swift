import Foundation
import Testing

/// `data make scenes`: what it writes is read by the commands that read the real data sets.
@Suite struct DataMakeTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func make(_ arguments: String..., name: String = "out") throws -> Program {
        try Program.run(
            ["data", "make", "scenes", "--sprites", "sample", "--size", "32", "--output", folder.path + "/" + name]
                + arguments)
    }

    @Test func classFoldersAreReadAsImageNetIs() throws {
        let made = try make("--kinds", "imagenet", "--images", "40", "--json")
        #expect(made.status == 0, "\(made.error)")
        let root = folder.path + "/out"
        #expect(made.output.contains("\(root)/imagenet") && made.error.contains("about 50 files"), "\(made)")
        let checked = try Program.run(["data", "check", root + "/imagenet"])
        #expect(checked.status == 0 && checked.output.contains("nothing odd"), "\(checked.output)\(checked.error)")
        #expect(FileManager.default.fileExists(atPath: root + "/sheets/imagenet.png"))
    }

    @Test func aFullFolderIsRefusedAndForceReplacesOnlyWhatWasMade() throws {
        let options = ["--kinds", "coco", "--images", "12"]
        func run(_ more: String..., name: String = "out") throws -> Program {
            try Program.run(
                ["data", "make", "scenes", "--sprites", "sample", "--size", "32", "--output", folder.path + "/" + name]
                    + options + more)
        }
        #expect(try run().status == 0)
        let again = try run()
        #expect(again.status == 64 && again.error.contains("is complete") && again.error.contains("--force"))
        let other = try run("--seed", "1")
        #expect(other.status == 64 && other.error.contains("other options"), "\(other.error)")
        let picture = folder.path + "/out/coco/train2017/000000000001.jpg"
        let before = try Data(contentsOf: URL(fileURLWithPath: picture))
        try Data("mine".utf8).write(to: URL(fileURLWithPath: folder.path + "/out/coco/mine.txt"))
        let forced = try run("--seed", "1", "--force")
        #expect(forced.status == 0, "\(forced.error)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: picture)) != before)
        #expect(FileManager.default.fileExists(atPath: folder.path + "/out/coco/mine.txt"))

        // What this command has not made is not touched, --force or not.
        try FileManager.default.createDirectory(atPath: folder.path + "/theirs", withIntermediateDirectories: true)
        try Data("theirs".utf8).write(to: URL(fileURLWithPath: folder.path + "/theirs/x"))
        let refused = try run("--force", name: "theirs")
        #expect(refused.status == 64 && refused.error.contains("has not made"), "\(refused.error)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/theirs") == ["x"])
    }

    @Test func whatWasInterruptedGoesOn() throws {
        let options = ["--kinds", "imagenet", "--images", "4000", "--threads", "1"]
        func run(_ name: String, _ whileRunning: (Process, String) throws -> Void = { _, _ in }) throws -> Program {
            try Program.run(
                ["data", "make", "scenes", "--sprites", "sample", "--size", "32", "--output", folder.path + "/" + name]
                    + options, whileRunning: whileRunning)
        }
        let manifest = folder.path + "/a/cjepa-exp-scenes.json"
        let stopped = try run("a") { process, _ in
            // The manifest is what is written first.
            while process.isRunning, !FileManager.default.fileExists(atPath: manifest) { usleep(1000) }
            process.interrupt()
        }
        #expect(stopped.status == 75 && stopped.error.contains("the same command goes on"), "\(stopped.error)")
        let finished = try run("a")
        #expect(finished.status == 0 && finished.error.contains("going on with"), "\(finished.error)")
        #expect(try run("b").status == 0)
        let compared = try Program.run(
            ["-rq", folder.path + "/a", folder.path + "/b"], executable: "/usr/bin/diff")
        #expect(compared.status == 0 && compared.output.isEmpty, "\(compared.output)")
    }

    @Test func whatCannotBeMeantIsRefused() throws {
        for arguments in [["--kinds", "mnist"], ["--colours", "named"], ["--images", "3"], ["--threads", "0"]] {
            let program = try Program.run(["data", "make", "scenes", "--output", folder.path + "/x"] + arguments)
            #expect(program.status == 64, "\(arguments)")
        }
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/x"))
    }

    private static let packages = Program.repository + "/.build/python-export"

    @Test(
        .enabled(
            if: FileManager.default.fileExists(atPath: packages + "/pycocotools"),
            "pycocotools and Pillow are not in .build/python-export: run make test once with a network"),
        arguments: ["muted", "grey"])
    func pycocotoolsAndPillowReadWhatWasWritten(colours: String) throws {
        let made = try make("--images", "100", "--colours", colours)
        #expect(made.status == 0, "\(made.error)")
        let script = Program.repository + "/Tests/Python/test_scenes.py"
        let read = try Program.run(
            [script, folder.path + "/out"], executable: "/usr/bin/python3",
            environment: ["PYTHONPATH": Self.packages, "PYTHONDONTWRITEBYTECODE": "1"])
        #expect(read.status == 0, "\(read.output)\(read.error)")
        #expect(read.output.contains("read: imagenet clevr ade20k davis coco"), "\(read.output)")
    }
}
