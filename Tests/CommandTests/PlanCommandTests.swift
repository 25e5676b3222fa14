import Foundation
import Testing

@Suite struct PlanCommandTests {
    private let smoke = "experiments/smoke.spec"

    @Test func thePlanOfTheSmokeExperimentIsValidJSON() throws {
        let results = try TemporaryFolder()
        let program = try Program.run(["plan", smoke, "--results", results.path, "--json", "--no-calibration"])
        #expect(program.status == 0, "\(program.error)")
        let plan = try program.json()
        let runs = try #require(plan["runs"] as? [[String: Any]])
        #expect(!runs.isEmpty)
        for run in runs {
            #expect(run["will_run"] as? Bool == true)
            #expect(run["reason"] as? String == "new")
            let cost = try #require(run["cost"] as? [String: Any])
            #expect((cost["parameters"] as? Int ?? 0) > 0)
            #expect((cost["flops_per_step"] as? Double ?? 0) > 0)
            #expect((cost["memory_bytes"] as? Int ?? 0) > 0)
            #expect((cost["disk_bytes"] as? Int ?? 0) > 0)
            #expect(cost["seconds"] == nil)
        }
        // A plan writes nothing.
        #expect(try FileManager.default.contentsOfDirectory(atPath: results.path).isEmpty)
    }

    @Test func calibrationPredictsATime() throws {
        let program = try Program.run(["plan", smoke, "--json"])
        let totals = try #require(try program.json()["totals"] as? [String: Any])
        #expect((totals["seconds"] as? Double ?? 0) > 0)
    }

    @Test func selectionsAndOverridesReachTheRuns() throws {
        let all = try Program.run(["plan", smoke, "--json", "--no-calibration"]).json()
        let first = try #require((all["runs"] as? [[String: Any]])?.first)
        let name = try #require(first["name"] as? String)
        let one = try Program.run([
            "plan", smoke, "--json", "--no-calibration", "--only", name, "--set", "schedule.lr=0.00042",
        ]).json()
        let runs = try #require(one["runs"] as? [[String: Any]])
        #expect(runs.map { $0["name"] as? String } == [name])
        #expect(runs[0]["configuration_hash"] as? String != first["configuration_hash"] as? String)
    }

    @Test func theTextNamesEveryRunAndTheSlots() throws {
        let program = try Program.run(["plan", smoke, "--no-calibration"])
        #expect(program.status == 0)
        #expect(program.output.contains("FLOP/step"))
        #expect(program.output.contains("at once with"))
        #expect(!program.output.contains(" in all"))
    }

    @Test func thePowerOfTheClaimsIsTold() throws {
        let folder = try TemporaryFolder()
        let spec = try folder.write(
            """
            inherit: \(Program.repository)/experiments/smoke.spec
            name: powered
            seeds: 5
            expect:
              - {arm: cjepa, minus: ijepa, metric: linear, at_least: 0.6, unit: points, sd: 0.79}
              - {arm: ijepa, collapses: false}
            """, to: "powered.spec")
        let arguments = ["plan", spec, "--no-calibration", "--results", folder.path]
        let powers = try #require(try Program.run(arguments + ["--json"]).checkedJSON()["power"] as? [[String: Any]])
        #expect(powers.count == 2)
        #expect(powers[0]["source"] as? String == "expect.sd" && powers[0]["seeds"] as? Int == 5)
        #expect(powers[0]["seeds_needed"] as? Int == 16)
        #expect(abs((powers[0]["chance"] as? Double ?? 0) - 0.26) < 0.01)
        #expect(abs((powers[0]["smallest_detectable"] as? Double ?? 0) - 1.33) < 0.01)
        #expect(powers[1]["claim"] as? String == "any difference from ijepa in logistic")
        #expect(powers[1]["standard_deviation"] == nil)
        let text = try Program.run(arguments).output
        #expect(text.contains("26 %") && text.contains("1.68 sd"), "\(text)")
    }

    // MARK: Errors

    @Test(arguments: [
        ("metric: linaer, at_least: 1, unit: points", "expect.metric", "did you mean 'linear'?"),
        ("metric: knn_30, at_least: 1, unit: points", "expect.metric", "did you mean 'knn_"),
        ("metric: linear@final, at_least: 1, unit: points", "expect.metric", "@last"),
        ("metric: linear, at_least: 1", "expect.unit", "unit: points"),
        ("metric: rankme, at_least: 1, unit: points", "expect.unit", "not an accuracy"),
    ])
    func aClaimAboutWhatNoRunHoldsIsRefused(_ claim: String, _ keyPath: String, _ words: String) throws {
        let folder = try TemporaryFolder()
        let spec = folder.path + "/claims.spec"
        try "inherit: \(Program.repository)/experiments/smoke.spec\nexpect: [{arm: cjepa, \(claim)}]\n"
            .write(toFile: spec, atomically: true, encoding: .utf8)
        let program = try Program.run(["plan", spec, "--no-calibration"])
        #expect(program.status == 64)
        #expect(program.error.contains(keyPath) && program.error.contains(words), "\(program.error)")
    }

    @Test func mistakesOfEveryStageAreShownTogether() throws {
        let folder = try TemporaryFolder()
        let spec = try folder.write(
            """
            inherit: \(Program.repository)/experiments/smoke.spec
            objectiv: {vicreg.weight: 2}
            schedule: {lr:\u{A0}fast}
            masks: {min_keep: 40}
            baseline: cjpea
            expect: [{arm: cjepa, metric: linaer, at_least: 1, unit: points}]

            """, to: "five.spec")
        let program = try Program.run(["plan", spec, "--no-calibration", "--set", "training.steps=1,2"])
        #expect(program.status == 64 && program.output.isEmpty)
        let errors = program.error.split(separator: "\n").filter { $0.contains(": error: ") }
        #expect(errors.count == 6, "\(program.error)")
        for (error, place) in zip(errors, [":2:1:", ":3:", ":4:", ":5:11:", ":6:", "--set training.steps=1,2:"]) {
            #expect(error.contains(place), "\(error)")
        }
        #expect(program.error.contains("(U+00A0): write a plain space"))
    }

    @Test func masksThatCannotBeDrawnAreRefusedAtOnceWithARemedy() throws {
        let small = ["plan", "experiments/smoke.spec", "--no-calibration", "--set", "model.image_size=32"]
        func refused(_ settings: String...) throws -> String {
            let program = try Program.run(small + settings.flatMap { ["--set", $0] })
            #expect(program.status == 64 && program.output.isEmpty, "\(settings)")
            return program.error
        }
        #expect(try refused("model.patch_size=16", "masks.min_keep=10").contains("smaller patches"))
        #expect(try refused("model.patch_size=8", "masks.min_keep=10").contains("masks.min_keep of at most 0"))
        #expect(try refused("model.patch_size=16", "masks.min_keep=0").contains("masks.target_scale, 0.25 or more"))
        #expect(try refused("model.patch_size=8", "masks.target_scale=1").contains("a smaller masks.target_scale"))
        let drawn = try Program.run(small + ["--set", "model.patch_size=8", "--set", "masks.min_keep=0"])
        #expect(drawn.status == 0, "\(drawn.error)")
    }

    @Test func anUnknownKeyIsShownWithItsPlaceAndTheNearestName() throws {
        let folder = try TemporaryFolder()
        let spec = try folder.write(
            """
            question: Does it run?
            expected: Yes.
            data:
              dataset: fashion_mnist_sample
            model:
              patch_sise: 4
            """, to: "wrong.spec")
        for command in ["plan", "run"] {
            let program = try Program.run([command, spec])
            #expect(program.status == 64)
            #expect(program.error.contains("\(spec):6:3: error: model.patch_sise: "), "\(program.error)")
            #expect(program.error.contains("did you mean 'model.patch_size'?"), "\(program.error)")
            #expect(program.output.isEmpty)
        }
    }

    @Test func missingDataIsFoundBeforeAnythingRuns() throws {
        let folder = try TemporaryFolder()
        let program = try Program.run([
            "run", smoke, "--results", folder.path + "/results", "--set", "data.folder=/nonexistent",
        ])
        #expect(program.status == 64)
        #expect(program.error.contains("/nonexistent"), "\(program.error)")
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/results"))
    }

    @Test func aBrokenDataFileIsFoundBeforeAnythingRuns() throws {
        let folder = try TemporaryFolder()
        let sample = Program.repository + "/Tests/Fixtures/fashion-mnist-sample"
        for file in try FileManager.default.contentsOfDirectory(atPath: sample) {
            try FileManager.default.copyItem(atPath: sample + "/" + file, toPath: folder.path + "/" + file)
        }
        let images = URL(fileURLWithPath: folder.path + "/train-images-idx3-ubyte.gz")
        try Data(try Data(contentsOf: images).prefix(5000)).write(to: images)
        let program = try Program.run([
            "run", smoke, "--results", folder.path + "/results", "--set", "data.folder=\(folder.path)",
        ])
        #expect(program.status == 64)
        #expect(program.error.contains("train-images-idx3-ubyte.gz: error: "), "\(program.error)")
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/results"))
    }

    @Test func aMissingSpecIsAnErrorOfUsage() throws {
        let program = try Program.run(["plan", "missing.spec"])
        #expect(program.status == 64)
        #expect(program.error.contains("missing.spec"))
    }

    @Test(arguments: [["status", "nothing"], ["show", "nothing"], ["show", "nothing/at-all"]])
    func unknownNamesAreErrorsOfUsageThatSayWhatThereIs(_ arguments: [String]) throws {
        let folder = try TemporaryFolder()
        let program = try Program.run(arguments + ["--results", folder.path])
        #expect(program.status == 64)
        #expect(program.error.contains("cjepa-exp run SPEC"), "\(program.error)")
    }
}
