import Foundation
import Testing

/// `plan` where the data is not there.
@Suite struct PlanWithoutDataTests {
    private let paper = ["imagenet-tiny", "imagenet-small", "imagenet-base", "imagenet-large"]

    private func photos(training: String = "epochs: 3", _ more: String = "") throws -> (Photos, String) {
        let photos = try Photos()
        let spec = try photos.spec("dataset: image_folder\(more)", training: training)
        try FileManager.default.removeItem(atPath: photos.root)
        return (photos, spec)
    }

    @Test func whatIsMissingIsSaidAndTheCostIsWorkedOut() throws {
        let (photos, spec) = try photos(", expected_train_images: 1281167, expected_test_images: 50000")
        let plan = try photos.run(["plan", spec])
        #expect(plan.status == 0, "\(plan.error)")
        #expect(plan.output.contains("THE DATA IS NOT THERE"))
        #expect(plan.output.contains("there is no data folder \(photos.root) (data.folder, \(spec):"), "\(plan.output)")
        #expect(plan.output.contains("→ set data.folder") && plan.output.contains("in all"))
        #expect(plan.error.contains("warning: the data is not there: \(spec):"), "\(plan.error)")
        let json = try photos.run(["plan", spec, "--json", "--no-calibration"]).json()
        let missing = try #require(json["missing_data"] as? [[String: Any]])
        #expect(missing.count == 1 && missing[0]["key"] as? String == "data.folder")
        #expect((missing[0]["message"] as? String)?.contains(photos.root) == true)
        let runs = try #require(json["runs"] as? [[String: Any]])
        for run in runs {
            let cost = try #require(run["cost"] as? [String: Any])
            #expect(cost["steps"] as? Int == 3 * (1_281_167 / 8))
            #expect((cost["memory_bytes"] as? Int ?? 0) > 128 * 1_331_167)
        }
        // What it was planned with is part of no run's identity.
        let hashes = runs.map { $0["configuration_hash"] as? String }
        let steps = try photos.run([
            "plan", spec, "--json", "--no-calibration", "--set", "training.steps=\(3 * (1_281_167 / 8))", "--set",
            "data.expected_test_images=7",
        ]).json()
        #expect((steps["runs"] as? [[String: Any]])?.map { $0["configuration_hash"] as? String } == hashes)
        let run = try photos.run(["run", spec])
        #expect(run.status == 64 && run.error.contains("there is no data folder \(photos.root)"), "\(run.error)")
        #expect(!FileManager.default.fileExists(atPath: photos.folder.path + "/results"))
    }

    @Test(arguments: ["", "/train", "/train/cat"])
    func foldersThatAreEmptyCountAsMissing(_ empty: String) throws {
        let (photos, spec) = try photos(", expected_train_images: 100")
        try FileManager.default.createDirectory(
            atPath: photos.root + "/test", withIntermediateDirectories: true)
        try FileManager.default.createDirectory(
            atPath: photos.root + empty, withIntermediateDirectories: true)
        let plan = try photos.run(["plan", spec, "--no-calibration"])
        #expect(plan.status == 0, "\(plan.error)")
        #expect(plan.output.contains("THE DATA IS NOT THERE") && plan.output.contains(photos.root + "/train"))
        #expect(try photos.run(["run", spec]).status == 64)
    }

    @Test func shardsThatAreNotThereCountAsMissing() throws {
        let (photos, _) = try photos()
        let spec = try photos.spec("dataset: tar, expected_train_images: 50", training: "epochs: 2")
        try FileManager.default.createDirectory(atPath: photos.root, withIntermediateDirectories: true)
        let plan = try photos.run(["plan", spec, "--no-calibration"])
        #expect(plan.status == 0 && plan.output.contains("train-*.tar matches no file"), "\(plan.output) \(plan.error)")
    }

    @Test func stepsThatFollowFromAnUnknownNumberAreRefused() throws {
        let (photos, spec) = try photos()
        let plan = try photos.run(["plan", spec, "--no-calibration"])
        #expect(plan.status == 64 && plan.error.contains("→ set data.expected_train_images"), "\(plan.error)")
        let steps = try photos.run(["plan", spec, "--no-calibration", "--set", "training.steps=10"])
        #expect(steps.status == 0 && steps.output.contains("THE DATA IS NOT THERE"), "\(steps.error)")
        let known = try photos.spec("dataset: cifar10", training: "epochs: 2")
        let cifar = try photos.run(["plan", known, "--json", "--no-calibration", "--set", "model.image_size=32"])
        let runs = try #require(try cifar.json()["runs"] as? [[String: Any]], "\(cifar.error)")
        #expect((runs[0]["cost"] as? [String: Any])?["steps"] as? Int == 2 * (50_000 / 8))
    }

    @Test func aCopyThatIsNotCompleteIsRefused() throws {
        let photos = try Photos()
        for (key, number, found) in [("train", 25, 24), ("test", 10, 12)] {
            let spec = try photos.spec("dataset: image_folder, expected_\(key)_images: \(number)")
            for command in ["run", "plan"] {
                let program = try photos.run([command, spec])
                #expect(program.status == 64, "\(program.output)")
                #expect(
                    program.error.contains(
                        "has \(found) \(key == "train" ? "training" : "test") images, but data.expected_\(key)_images is "
                            + "\(number)"), "\(program.error)")
            }
        }
        #expect(
            try photos.run([
                "plan", photos.spec("dataset: image_folder, expected_train_images: 24, expected_test_images: 12"),
                "--no-calibration",
            ]).status == 0)
    }

    @Test func theSpecsOfThePaperArePlannedWithoutImageNet() throws {
        let folder = try TemporaryFolder()
        for name in paper {
            // Whether this machine could train them is another question.
            let plan = try Program.run([
                "plan", "experiments/\(name).spec", "--no-calibration", "--launcher", "slurm", "--results", folder.path,
                "--set", "data.folder=/nonexistent/imagenet",
            ])
            #expect(plan.status == 0, "\(name): \(plan.error)")
            #expect(plan.output.contains("there is no data folder /nonexistent/imagenet"))
            #expect(plan.output.contains("differs from ViT-"), "\(plan.output)")
            #expect(plan.output.contains("    evaluation.train_images: 128116 instead of none"), "\(plan.output)")
            #expect(!plan.output.contains("masks.sampler:"))
        }
    }

    @Test func whatASpecChangesOfThePaperIsListed() throws {
        let folder = try TemporaryFolder()
        let plan = try Program.run([
            "plan", "experiments/imagenet-small.spec", "--no-calibration", "--launcher", "slurm", "--json", "--results",
            folder.path, "--set", "data.folder=/nonexistent", "--set", "training.batch_size=1024", "--set",
            "masks.sampler=uniform",
        ])
        let paper = try #require(try plan.json()["paper"] as? [String: Any], "\(plan.error)")
        #expect(paper["network"] as? String == "ViT-S/16")
        let differences = try #require(paper["differences"] as? [[String: Any]])
        #expect(
            differences.map { $0["key"] as? String } == [
                "masks.sampler", "training.batch_size", "evaluation.train_images",
            ])
        #expect(differences[0]["is_from_code"] as? Bool == true && differences[1]["paper"] as? String == "2048")
        // Other networks are none of the paper's.
        let smoke = try Program.run(["plan", "experiments/smoke.spec", "--no-calibration", "--json"])
        #expect(try smoke.json()["paper"] == nil)
    }
}
