import Foundation
import Pictures
import TestSupport
import Testing

/// `data check`, `stats`, `sample` and `decode` on small trees of real files, some of them damaged.
@Suite struct DataCommandTests {
    private static let fixtures = Program.repository + "/Tests/Fixtures/images/"

    /// A folder of images with a cache of its own.
    private struct Tree {
        let folder: TemporaryFolder
        var root: String { folder.path + "/set" }

        /// - Parameter files: Fixture by its place in the tree.
        init(_ files: [String: String]) throws {
            folder = try TemporaryFolder()
            for (path, fixture) in files { try put(Self.bytes(fixture), at: path) }
        }

        static func bytes(_ fixture: String) throws -> Data {
            try Data(contentsOf: URL(fileURLWithPath: DataCommandTests.fixtures + fixture))
        }

        func put(_ bytes: Data, at path: String) throws {
            let url = URL(fileURLWithPath: root + "/" + path)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try bytes.write(to: url)
        }

        func run(_ arguments: String...) throws -> Program {
            try Program.run(
                ["data"] + arguments, in: folder.path, environment: ["XDG_CACHE_HOME": folder.path + "/cache"])
        }
    }

    @Test func aClassMayBeCalledTrain() throws {
        let tree = try Tree([
            "bus/a.jpg": "rgb.jpg", "car/b.jpg": "progressive.jpg", "train/c.jpg": "grey.jpg",
            "train/d.png": "rgb8.png",
        ])
        let stats = try tree.run("stats", "set", "--json")
        let splits = try #require(stats.json()["splits"] as? [[String: Any]], "\(stats.error)")
        #expect(splits.map { $0["images"] as? Int } == [4] && splits[0]["name"] as? String == "images")
    }

    private func tree() throws -> Tree {
        try Tree([
            "train/cat/a.jpg": "rgb.jpg", "train/cat/b.jpg": "progressive.jpg", "train/dog/c.jpg": "grey.jpg",
            "train/dog/d.png": "rgb8.png", "val/cat/e.jpg": "ycc-2x2.jpg", "val/dog/f.webp": "lossy.webp",
        ])
    }

    /// Findings of a check by kind.
    private func findings(_ program: Program) throws -> [String: [String: Any]] {
        let list = try #require(program.json()["findings"] as? [[String: Any]])
        return try Dictionary(uniqueKeysWithValues: list.map { (try #require($0["kind"] as? String), $0) })
    }

    @Test func whatIsInOrderPasses() throws {
        let tree = try tree()
        let check = try tree.run("check", "set", "--json")
        #expect(check.status == 0, "\(check.error)")
        let report = try check.json()
        #expect(report["would_fail"] as? Bool == false)
        let splits = try #require(report["splits"] as? [[String: Any]])
        #expect(splits.map { $0["name"] as? String } == ["train", "val"])
        #expect(splits.map { $0["readable"] as? Int } == [4, 2])
        #expect(splits.map { $0["classes"] as? Int } == [2, 2])
    }

    @Test func whatCannotBeReadIsNamedWithWhatToDo() throws {
        let tree = try tree()
        try tree.put(Tree.bytes("large-1x1.jpg").prefix(900), at: "train/cat/cut.jpg")
        try tree.put(Data("<html></html>".utf8), at: "train/dog/page.jpg")
        try tree.put(Data(), at: "val/dog/nothing.png")
        let check = try tree.run("check", "set")
        #expect(check.status == 1, "\(check.error)")
        #expect(check.output.contains("3 cannot be read"), "\(check.output)")
        #expect(check.output.contains("train/cat/cut.jpg: JPEG: ends before its picture does"))
        #expect(check.output.contains("page.jpg: is an HTML page"))
        #expect(check.output.contains("→ copy or download it again"))
        let found = try #require(findings(tree.run("check", "set", "--json"))["unreadable"])
        #expect(found["count"] as? Int == 3 && found["would_fail"] as? Bool == true)
    }

    @Test func whatIsOddIsListedAndPasses() throws {
        let tree = try tree()
        for (path, fixture) in [
            ("cmyk.jpg", "cmyk.jpg"), ("palette.png", "palette8.png"), ("alpha.png", "rgba8.png"),
            ("deep.png", "rgb16.png"), ("turned.jpg", "orientation-6.jpg"), ("tiny.png", "one.png"),
            ("named.jpg", "rgb8-interlaced.png"),
        ] { try tree.put(Tree.bytes(fixture), at: "train/cat/\(path)") }
        try tree.put(Data("x".utf8), at: "train/cat/notes.txt")
        let check = try tree.run("check", "set", "--json")
        #expect(check.status == 0, "\(check.output)")
        let found = try findings(check)
        for (kind, count) in [
            ("colour_space", 2), ("alpha", 1), ("sixteen_bits", 1), ("orientation", 1), ("size", 1),
            ("other_format", 1), ("left_out", 1),
        ] { #expect(found[kind]?["count"] as? Int == count, "\(kind): \(check.output)") }
    }

    @Test func imagesThatAreTheSameAreFoundWithinAndAcrossSplits() throws {
        let tree = try tree()
        try tree.put(Tree.bytes("rgb.jpg"), at: "val/cat/leak.jpg")
        try tree.put(Tree.bytes("grey.jpg"), at: "train/dog/again.jpg")
        try tree.put(Tree.bytes("rgb8.png"), at: "train/cat/other.png")
        let found = try findings(tree.run("check", "set", "--json"))
        func detail(_ kind: String) throws -> String {
            let item = try #require((found[kind]?["items"] as? [[String: Any]])?.first)
            return "\(item["place"] ?? "") \(item["detail"] ?? "")"
        }
        #expect(try detail("duplicates_across_splits") == "train/cat/a.jpg the same as val/cat/leak.jpg")
        #expect(try detail("duplicates") == "train/dog/again.jpg the same as train/dog/c.jpg")
        #expect(try detail("duplicates_with_other_class") == "train/cat/other.png the same as train/dog/d.png")
    }

    @Test func aClassThatTrainingLacksFails() throws {
        let tree = try tree()
        try tree.put(Tree.bytes("rgba8.png"), at: "val/owl/g.png")
        try tree.put(Tree.bytes("rgb16.png"), at: "train/fox/h.png")
        try FileManager.default.createDirectory(
            atPath: tree.root + "/train/hen", withIntermediateDirectories: true)
        let check = try tree.run("check", "set", "--json")
        #expect(check.status == 1)
        let found = try findings(check)
        func places(_ kind: String) -> [String] {
            (found[kind]?["items"] as? [[String: Any]] ?? []).compactMap { $0["place"] as? String }
        }
        #expect(places("missing_from_training") == ["owl"])
        #expect(places("missing_from_split") == ["fox"])
        #expect(places("empty_class") == ["hen"])
    }

    @Test func aCheckGoesOnWhereItWasStoppedAndOpensWhatHasChanged() throws {
        let tree = try tree()
        func known(_ arguments: String...) throws -> Int? {
            try Program.run(
                ["data", "check", "set", "--json"] + arguments, in: tree.folder.path,
                environment: ["XDG_CACHE_HOME": tree.folder.path + "/cache"]
            ).json()["known_images"] as? Int
        }
        #expect(try known() == 0)
        #expect(try known() == 6)
        try tree.put(Tree.bytes("large-1x1.jpg"), at: "train/cat/a.jpg")
        #expect(try known() == 5)
        #expect(try known("--fresh") == 0)
        // Cut off in the middle of a record and damaged in another.
        let cache = tree.folder.path + "/cache/cjepa-exp"
        let name = try #require(
            FileManager.default.contentsOfDirectory(atPath: cache).first { $0.hasPrefix("check-") })
        let url = URL(fileURLWithPath: cache + "/" + name)
        var bytes = try Data(contentsOf: url)
        #expect(bytes.count == 8 + 6 * 48)
        bytes[20] ^= 1
        try bytes.dropLast(7).write(to: url)
        #expect(try known() == 4)
        #expect(try known() == 6)
    }

    /// A spec or a pack, and a file that holds images of it: how many stay known when it is written to.
    @Test(arguments: [
        ("dataset: tar, folder: set", "set/test-0.tar", 24),
        ("dataset: list, folder: set", "set/train/cat/101.png", 35),
        ("dataset: cifar10, folder: binary", "binary/data_batch_2.bin", 10),
        ("dataset: cifar10, folder: pickled", "pickled/test_batch", 10),
        ("dataset: stl10, folder: stl, train_on: train", "stl/test_X.bin", 3),
        ("pack", "photos-001-of-002.pack", 18), ("dataset: pack, folder: .", "photos-000-of-002.pack", 18),
    ])
    func aCheckGoesOnWhereverImagesLie(data: String, file: String, unchanged: Int) throws {
        let photos = try Photos()
        for (folder, files) in [
            ("binary", SmallCIFAR.binary(images: 2)), ("pickled", SmallCIFAR.pickled(images: 2)),
            ("stl", SmallSTL.files()),
        ] { for (name, bytes) in files { try photos.put(Data(bytes), "../\(folder)/\(name)") } }
        if data.contains("pack") {
            let packed = try photos.run(["data", "pack", "set", "--output", "photos.pack", "--shards", "2"])
            #expect(packed.status == 0, "\(packed.error)")
        }
        let path = photos.folder.path + "/" + file
        #expect(FileManager.default.fileExists(atPath: path))
        let place =
            data == "pack"
            ? file
            : try photos.folder.write(
                "data: {\(data)}\nmodel: {channels: 3}\ntraining: {steps: 1, batch_size: 2}\nresources: {shards: 1}\nevaluation: {knn: {k: [1]}, linear.held_out: 0.4, logistic.enabled: false}\n",
                to: "x.spec")
        /// Images that were known, and all of them.
        func check() throws -> [Int] {
            let program = try photos.run(["data", "check", place, "--json"])
            let report = try program.json()
            let splits = try #require(report["splits"] as? [[String: Any]], "\(program.error)")
            let known = try #require(report["known_images"] as? Int)
            return [known, splits.reduce(0) { $0 + ($1["readable"] as? Int ?? 0) }]
        }
        let first = try check()
        let all = first[1]
        #expect(first[0] == 0 && all > unchanged)
        #expect(try check() == [all, all])
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1e9)], ofItemAtPath: path)
        #expect(try check() == [unchanged, all])
        #expect(try check() == [all, all])
    }

    @Test func whatTheScanOfAFolderLeftOutIsListedForASpecToo() throws {
        let photos = try Photos()
        try photos.put(Data("x".utf8), "train/cat/notes.txt")
        try photos.put(Data("x".utf8), "test/.DS_Store")
        try FileManager.default.createDirectory(atPath: photos.root + "/train/hen", withIntermediateDirectories: true)
        func left(_ place: String) throws -> [String] {
            let found = try findings(photos.run(["data", "check", place, "--json"]))
            return ["left_out", "empty_class"].flatMap { kind in
                (found[kind]?["items"] as? [[String: Any]] ?? []).map {
                    "\(kind) \($0["place"] ?? "") \($0["detail"] ?? "")"
                }
            }
        }
        let ofSpec = try left(photos.spec())
        #expect(
            ofSpec == [
                "left_out train 1 not named as images (cat/notes.txt)", "left_out test 1 hidden (.DS_Store)",
                "empty_class hen ",
            ])
        #expect(try left("set") == ofSpec)
    }

    @Test func namesCannotSteerATerminalOrForgeALine() throws {
        let tree = try tree()
        try tree.put(Data("x".utf8), at: "train/cat/bad\n\u{1B}[31mred.jpg")
        let check = try tree.run("check", "set")
        #expect(check.output.contains("train/cat/bad\\n\\u001b[31mred.jpg"), "\(check.output)")
        #expect(!check.output.contains("\u{1B}"))
        let sample = try tree.run("sample", "set", "--output", "x.png")
        #expect(sample.status == 64 && sample.error.contains("bad\\n\\u001b[31mred.jpg: error: "), "\(sample.error)")
        #expect(!sample.error.contains("\u{1B}"))
    }

    @Test func listsAreBoundedUnlessAllIsAskedFor() throws {
        let tree = try tree()
        for number in 0..<25 { try tree.put(Data("x".utf8), at: "train/cat/bad\(number).jpg") }
        let short = try tree.run("check", "set")
        #expect(short.output.contains("25 cannot be read") && short.output.contains("… and 5 more"))
        #expect(short.output.split(separator: "\n").count { $0.contains("bad") } == 20)
        let long = try tree.run("check", "set", "--all")
        #expect(long.output.split(separator: "\n").count { $0.contains("bad") } == 25)
    }

    @Test func statisticsAreThoseOfThePixels() throws {
        // Three pictures of one colour each, of 200, 200 and 800 pixels.
        let tree = try Tree([:])
        for (name, colour) in [("a.png", RGBColor(0, 0, 51)), ("b.png", RGBColor(255, 0, 153))] {
            let image = RGBImage(width: 10, height: 20, color: colour)
            try tree.put(PNGFile.data(image), at: "x/\(name)")
        }
        try tree.put(PNGFile.data(RGBImage(width: 40, height: 20, color: RGBColor(0, 0, 102))), at: "y/c.png")
        let stats = try tree.run("stats", "set", "--json")
        #expect(stats.status == 0, "\(stats.error)")
        let split = try #require((stats.json()["splits"] as? [[String: Any]])?.first)
        #expect(split["images"] as? Int == 3 && split["classes"] as? Int == 2)
        let mean = try #require(split["mean"] as? [Double])
        let deviation = try #require(split["standard_deviation"] as? [Double])
        for (found, expected) in zip(mean, [1.0 / 6, 0, (0.2 + 0.6 + 4 * 0.4) / 6]) {
            #expect(abs(found - expected) <= 1e-12)
        }
        for (found, expected) in zip(deviation, [(5.0 / 36).squareRoot(), 0, (0.08 / 6).squareRoot()]) {
            #expect(abs(found - expected) <= 1e-12)
        }
        #expect((split["width"] as? [String: Int]) == ["min": 10, "median": 10, "max": 40])
        let some = try tree.run("stats", "set", "--json", "--images", "1")
        #expect((try some.json()["splits"] as? [[String: Any]])?.first?["measured_images"] as? Int == 1)
    }

    @Test func aSheetShowsTheClassesInTurn() throws {
        let tree = try tree()
        for arguments in [["--crops"], []] {
            let sample = try Program.run(
                ["data", "sample", "set", "--output", "sheet.png", "--images", "3", "--size", "64", "--json"]
                    + arguments,
                in: tree.folder.path, environment: ["XDG_CACHE_HOME": tree.folder.path + "/cache"])
            #expect(sample.status == 0, "\(sample.error)")
            let images = try #require(sample.json()["images"] as? [[String: Any]])
            #expect(images.map { $0["label"] as? String } == ["cat", "dog", "cat"])
            let sheet = try PNGFile.read(tree.folder.path + "/sheet.png")
            // Two columns of 64 pixels twice as large.
            #expect(sheet.width == 2 * 16 + 2 * 128 + 8)
        }
        #expect(try tree.run("sample", "set", "--output", "x.png", "--split", "tset").status == 64)
        let spec = Program.repository + "/experiments/smoke.spec"
        let large = try tree.run("sample", spec, "--output", "x.png", "--images", "4096", "--size", "1024")
        #expect(large.status == 64 && large.error.contains("too many for one sheet"), "\(large.error)")
    }

    @Test func imagesOfASpecInMemoryAreSeenToo() throws {
        let folder = try TemporaryFolder()
        let spec = Program.repository + "/experiments/smoke.spec"
        let environment = ["XDG_CACHE_HOME": folder.path]
        let check = try Program.run(["data", "check", spec, "--json"], environment: environment)
        #expect(check.status == 0, "\(check.error)")
        let splits = try #require(check.json()["splits"] as? [[String: Any]])
        #expect(splits.map { $0["name"] as? String } == ["train", "test"])
        let stats = try Program.run(["data", "stats", spec], environment: environment)
        #expect(stats.output.contains("10"), "\(stats.output)")
        let sheet = folder.path + "/s.png"
        let sample = try Program.run(
            ["data", "sample", spec, "--output", sheet, "--images", "10", "--crops"], environment: environment)
        #expect(sample.status == 0 && FileManager.default.fileExists(atPath: sheet), "\(sample.error)")
    }

    @Test(arguments: [
        ["check"], ["check", "nosuch"], ["check", "set", "--threads", "0"], ["check", "set", "--arm", "x"],
        ["check", "set/train/cat/a.jpg"], ["stats", "set", "--images", "0"], ["sample", "set"],
        ["sample", "set", "--output", "x.png", "--images", "5000"], ["decode", "set", "--output", "x.npy"],
        ["decode", "nosuch.jpg", "--output", "x.npy"], ["chekc", "set"],
        ["decode", "set/train/cat/a.jpg", "--output", "x.npy", "--size", "8"],
        ["decode", "set/train/cat/a.jpg", "--output", "x.npy", "--channels", "2"],
        ["decode", "set/train/cat/a.jpg", "--output", "x.npy", "--view", "crop", "--short-side", "9"],
        ["decode", "set/train/cat/a.jpg", "--output", "x.npy", "--view", "eval", "--mean", "1,2", "--std", "1,1,1"],
        ["decode", "set/train/cat/a.jpg", "--output", "x.npy", "--view", "eval", "--mean", "0,0,0", "--std", "1,0,1"],
    ])
    func whatCannotBeUsedIsAnErrorOfUsage(_ arguments: [String]) throws {
        let tree = try tree()
        let program = try Program.run(
            ["data"] + arguments, in: tree.folder.path, environment: ["XDG_CACHE_HOME": tree.folder.path + "/cache"])
        #expect(program.status == 64, "\(program.output) \(program.error)")
        #expect(program.output.isEmpty && !program.error.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: tree.folder.path + "/x.npy"))
    }
}
