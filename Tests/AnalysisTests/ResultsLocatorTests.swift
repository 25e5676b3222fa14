import Foundation
import RunStore
import Testing

@testable import Analysis

@Suite struct ResultsLocatorTests {
    /// results/{ablation,ablation-long}/… with two runs that begin alike, and a folder that is no experiment.
    private func inResults(_ body: (String, ResultsLocator) throws -> Void) throws {
        try inTemporaryFolder { folder in
            for file in [
                "ablation/experiment.json", "ablation-long/experiment.json", "notes/readme.txt",
                "ablation/ijepa-s0-aaaa/plan.json", "ablation/ijepa-s1-bbbb/plan.json",
                "ablation-long/vicreg-s0-cccc/plan.json", "ablation/figures/plot.png",
            ] {
                let url = URL(filePath: folder).appending(path: file)
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data().write(to: url)
            }
            try body(folder, ResultsLocator(resultsDirectory: folder))
        }
    }

    @Test func `Experiments are found by path, name and unique beginning`() throws {
        try inResults { folder, locator in
            let names = ["\(folder)/ablation", "ablation", "ablation-"]
            let found = try names.map(locator.experiment)
            #expect(found == ["\(folder)/ablation", "\(folder)/ablation", "\(folder)/ablation-long"])
        }
    }

    @Test func `Runs are found by path, name and unique beginning, with or without their experiment`() throws {
        try inResults { folder, locator in
            let run = "\(folder)/ablation/ijepa-s1-bbbb"
            let names = [run, "ablation/ijepa-s1-bbbb", "ablation/ijepa-s1", "ijepa-s1"]
            let found = try names.map(locator.run)
            #expect(found == Array(repeating: run, count: names.count))
        }
    }

    @Test func `Arm and seed are a whole name, and of several configurations the present one counts`() throws {
        try inResults { folder, locator in
            let files = FileManager.default
            for name in ["ijepa-s10-dddd", "ijepa-s1-eeee"] {
                try files.createDirectory(
                    atPath: "\(folder)/ablation/\(name)", withIntermediateDirectories: true)
                try Data().write(to: URL(filePath: "\(folder)/ablation/\(name)/plan.json"))
            }
            #expect(try locator.run("ijepa-s10") == "\(folder)/ablation/ijepa-s10-dddd")
            #expect(throws: AnalysisError.self) { try locator.run("ablation/ijepa-s1") }
            let record = ExperimentRecord(
                name: "ablation", question: "", expected: "", baseline: "ijepa", specPath: "", arms: ["ijepa"],
                runs: [
                    ExperimentRecord.Entry(
                        arm: "ijepa", seed: 1, directoryName: "ijepa-s1-eeee", configurationHash: "eeee",
                        differences: [:])
                ])
            try record.save(toExperiment: folder + "/ablation")
            #expect(try locator.run("ablation/ijepa-s1") == "\(folder)/ablation/ijepa-s1-eeee")
        }
    }

    @Test(arguments: [
        ("ijepa", "more than one run begins with “ijepa”", "ablation/ijepa-s0-aaaa, ablation/ijepa-s1-bbbb"),
        ("ablation/vicreg", "no run is called “vicreg”", "ijepa-s1-bbbb"),
        ("figures", "no run is called “figures”", "ablation-long/vicreg-s0-cccc"),
        ("ablation/ijpea-s1", "no run is called “ijpea-s1”", "Did you mean “ijepa-s1”?"),
        ("ablatoin/ijepa-s0", "no experiment is called “ablatoin”", "Did you mean “ablation”?"),
    ])
    func `Errors name what there is`(name: String, message: String, remedy: String) throws {
        try inResults { _, locator in
            #expect {
                _ = try locator.run(name)
            } throws: { error in
                guard let error = error as? AnalysisError else { return false }
                return error.message == message && error.remedy.contains(remedy)
            }
        }
    }

    @Test func `A file is no results folder`() throws {
        let error = try #require(throws: AnalysisError.self) {
            try ResultsLocator(resultsDirectory: "/etc/passwd").experiment("ablation")
        }
        #expect(error.path == "/etc/passwd" && error.message == "this is a file, not a folder of results")
    }

    @Test func `A results folder that does not exist is said to be empty`() throws {
        #expect {
            _ = try ResultsLocator(resultsDirectory: "/nonexistent").experiment("ablation")
        } throws: {
            ($0 as? AnalysisError)?.remedy.contains("There is none yet") == true
        }
    }
}
