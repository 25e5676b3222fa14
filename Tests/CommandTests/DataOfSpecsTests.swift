import Foundation
import Pictures
import TestSupport
import Testing

/// The commands of `data` on the images of a spec: folders, lists and shards as the spec reads them.
@Suite struct DataOfSpecsTests {
    private func splits(_ program: Program) throws -> [[String: Any]] {
        try #require(program.json()["splits"] as? [[String: Any]], "\(program.error)")
    }

    private func unreadable(_ program: Program) throws -> [String] {
        let findings = try #require(program.json()["findings"] as? [[String: Any]], "\(program.error)")
        let found = findings.first { $0["kind"] as? String == "unreadable" }
        return (found?["items"] as? [[String: Any]] ?? []).compactMap { $0["place"] as? String }
    }

    @Test(arguments: ["dataset: image_folder", "dataset: list", "dataset: tar"])
    func filesAreSeenAsFilesWhereverTheyAre(_ data: String) throws {
        let photos = try Photos()
        let stats = try photos.run(["data", "stats", try photos.spec(data), "--json"])
        for split in try splits(stats) {
            let images = try #require(split["images"] as? Int)
            #expect((split["formats"] as? [String: Int]) == ["PNG": images], "\(stats.output)")
            #expect((split["bytes"] as? Int ?? 0) > 100 * images)
            #expect((split["width"] as? [String: Int]) == ["min": 33, "median": 60, "max": 90])
        }
        let check = try photos.run(["data", "check", try photos.spec(data), "--json"])
        #expect(check.status == 0, "\(check.output)")
        #expect(try splits(check)[0]["readable"] as? Int == 24, "\(check.output)")
        let again = try photos.run(["data", "check", try photos.spec(data), "--json"])
        #expect(try again.json()["known_images"] as? Int == 36)
    }

    @Test func whatCannotBeReadIsNoFailureWhereTheSpecLeavesItOut() throws {
        let photos = try Photos()
        try photos.put(Data("x".utf8), "train/cat/100.png")
        let spec = try photos.spec("dataset: image_folder, on_unreadable: skip")
        let check = try photos.run(["data", "check", spec, "--json"])
        #expect(check.status == 0, "\(check.output)")
        let findings = try #require(check.json()["findings"] as? [[String: Any]])
        #expect(findings.contains { $0["kind"] as? String == "unreadable_skipped" && $0["count"] as? Int == 1 })
        #expect(try check.json()["would_fail"] as? Bool == false)
    }

    @Test func whatWouldStopARunIsAFinding() throws {
        let photos = try Photos()
        func unusable(_ spec: String) throws -> [String] {
            let check = try photos.run(["data", "check", spec, "--json"])
            #expect(check.status == 1, "\(check.output) \(check.error)")
            let findings = try #require(check.json()["findings"] as? [[String: Any]], "\(check.error)")
            return findings.filter { ["unusable", "missing_from_training"].contains($0["kind"] as? String) }
                .flatMap { $0["items"] as? [[String: Any]] ?? [] }.map { "\($0["place"] ?? "") \($0["detail"] ?? "")" }
        }
        let unlabelled = try unusable(photos.spec("dataset: list, train_labels_used: false"))
        #expect(unlabelled.count == 1 && unlabelled[0].contains("have no classes"), "\(unlabelled)")
        let few = try unusable(photos.spec("dataset: image_folder, expected_train_images: 30"))
        #expect(few.count == 1 && few[0].contains("data.expected_train_images is 30"), "\(few)")
        try photos.put(Data(contentsOf: URL(fileURLWithPath: photos.root + "/test/cat/100.png")), "test/yak/1.png")
        let strange = try unusable(photos.spec("dataset: image_folder"))
        #expect(strange.count == 1 && strange[0].hasPrefix("yak "), "\(strange)")
    }

    @Test func aListedFileThatIsMissingIsRefusedBeforeAnythingRuns() throws {
        let photos = try Photos()
        try FileManager.default.removeItem(atPath: photos.root + "/train/cat/101.png")
        let run = try photos.run(["run", try photos.spec("dataset: list")])
        #expect(run.status == 64 && run.error.contains("cat/101.png: error: is missing, or is no file"), "\(run.error)")
    }

    @Test(arguments: ["on_unreadable: fail", "normalization: dataset"])
    func allThatCannotBeReadIsListedWhateverTheSpecDoesAboutIt(_ keys: String) throws {
        let photos = try Photos()
        for name in ["cat/100", "cat/101", "owl/107"] { try photos.put(Data("x".utf8), "train/\(name).png") }
        let check = try photos.run(["data", "check", try photos.spec("dataset: image_folder, \(keys)"), "--json"])
        #expect(check.status == 1)
        #expect(
            try unreadable(check) == ["cat/100", "cat/101", "owl/107"].map { photos.root + "/train/\($0).png" })
    }

    @Test func aMemberOfAShardThatCannotBeReadIsNamedWithItsPlace() throws {
        let photos = try Photos()
        let whole = try Data(contentsOf: URL(fileURLWithPath: photos.root + "/train-0.tar")).dropLast(1024)
        let bad = PictureTree.member("cat/999.png", Array("no picture".utf8)) + [UInt8](repeating: 0, count: 1024)
        try photos.put(whole + bad, "train-0.tar")
        let check = try photos.run(["data", "check", try photos.spec("dataset: tar"), "--json"])
        #expect(check.status == 1)
        let place = "\(photos.root)/train-0.tar/cat/999.png (at byte \(whole.count + 512) of the shard)"
        #expect(try unreadable(check) == [place])
        let run = try photos.run(["run", try photos.spec("dataset: tar")])
        #expect(run.status == 64 && run.error.contains("cat/999.png"), "\(run.error)")
    }

    @Test func theLimitsOfTheSpecHold() throws {
        let photos = try Photos()
        // 60×90 pictures have 5,400 pixels.
        let pixels = try photos.spec("dataset: image_folder, max_pixels: 5000")
        #expect(try unreadable(photos.run(["data", "check", pixels, "--json", "--all"])).count == 9 + 3)
        let bytes = try photos.spec("dataset: image_folder, max_bytes: 60")
        #expect(try unreadable(photos.run(["data", "check", bytes, "--json", "--all"])).count == 36)
        #expect(try photos.run(["data", "check", try photos.spec()]).status == 0)
    }

    @Test func aCheckThatWasKilledGoesOn() throws {
        let photos = try Photos(train: 700, test: 2)
        let spec = try photos.spec()
        let cache = photos.folder.path + "/cache/cjepa-exp"
        func records() -> Int {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: cache)) ?? []
            let path = names.first { $0.hasPrefix("check-") }.map { cache + "/" + $0 }
            return path.flatMap { try? Data(contentsOf: URL(fileURLWithPath: $0)).count } ?? 0
        }
        _ = try photos.run(["data", "check", spec, "--threads", "1"]) { process, _ in
            waitUntil(process) { records() > 8 + 100 * 48 }
            kill(process.processIdentifier, SIGKILL)
        }
        let kept = (records() - 8) / 48
        let check = try photos.run(["data", "check", spec, "--json"])
        #expect(kept >= 100, "\(check.error)")
        #expect(try check.json()["known_images"] as? Int == kept, "\(check.error)")
        #expect(try splits(check)[0]["readable"] as? Int == 2100)
    }

    // MARK: decode

    private func region(_ photos: Photos, _ arguments: String...) throws -> [String: Int] {
        let program = try photos.run(
            ["data", "decode", "set/train/cat/101.png", "--output", "x.npy", "--view", "crop", "--json"] + arguments)
        #expect(program.status == 0, "\(program.error)")
        return try #require(try program.json()["region"] as? [String: Int])
    }

    @Test func aCropIsThatOfTheSpecOrOfTheOptions() throws {
        let photos = try Photos()
        // The whole image, whatever the seed.
        let whole = ["height": 60, "left": 0, "top": 0, "width": 90]
        let spec = try photos.spec("dataset: image_folder, crop_scale: 1, crop_aspect: 1.5")
        #expect(try region(photos, "--spec", spec) == whole)
        #expect(try region(photos, "--crop-scale", "1,1", "--crop-aspect", "1.5,1.5") == whole)
        #expect(try region(photos) != whole)
        let small = try region(photos, "--spec", spec, "--crop-scale", "0.1,0.1", "--seed", "3")
        #expect((small["height"] ?? 0) * (small["width"] ?? 0) < 700)
        // The side and the channels of the spec's model.
        let program = try photos.run([
            "data", "decode", "set/train/cat/101.png", "--output", "x.npy", "--view", "eval", "--json", "--spec", spec,
        ])
        #expect(try program.json()["shape"] as? [Int] == [3, 28, 28])
        for wrong in ["1", "0,1", "1,0.5", "0.2,1.5", "a,b"] {
            let refused = try photos.run([
                "data", "decode", "set/train/cat/101.png", "--output", "y.npy", "--view", "crop", "--crop-scale", wrong,
            ])
            #expect(
                refused.status == 64 && refused.error.contains("--crop-scale takes two numbers"), "\(refused.error)")
        }
    }
}
