import Foundation
import Testing

/// The noise of probes, measured on a run's weights.
@Suite(.smokeRun) struct RetestCommandTests {
    private func retest(_ arguments: [String]) throws -> Program {
        try Program.run(["retest", "smoke/ijepa-s0", "--results", SmokeRun.results] + arguments)
    }

    @Test func theSpreadOfEveryAccuracyIsShown() throws {
        let report = try retest(["--times", "3", "--json"]).checkedJSON()
        #expect(report["step"] as? Int == 24 && report["times"] as? Int == 3 && report["test_images"] as? Int == 200)
        let accuracies = try #require(report["accuracies"] as? [[String: Any]])
        let names = accuracies.compactMap { $0["name"] as? String }
        #expect(Set(["knn_20", "linear", "logistic"]).isSubset(of: names) && !names.contains("logistic_c"))
        for accuracy in accuracies {
            let values = try #require(accuracy["values"] as? [Double])
            let deviation = try #require(accuracy["standard_deviation"] as? Double)
            #expect(values.count == 3 && values.allSatisfy { (0...100).contains($0) })
            // Nothing is drawn for kNN.
            if accuracy["name"] as? String == "knn_20" { #expect(deviation == 0 && Set(values).count == 1) }
            #expect((deviation == 0) == (Set(values).count == 1))
        }
        // One of the seeds is the run's own, and gives what the run stored.
        let experiment = SmokeRun.results + "/smoke"
        let folder = try #require(
            try FileManager.default.contentsOfDirectory(atPath: experiment).first { $0.hasPrefix("ijepa-s0") })
        let state = try JSONSerialization.jsonObject(
            with: Data(contentsOf: URL(filePath: "\(experiment)/\(folder)/state.json")))
        let metrics = try #require((state as? [String: Any])?["metrics"] as? [String: Double])
        for accuracy in accuracies {
            let name = try #require(accuracy["name"] as? String)
            let first = try #require((accuracy["values"] as? [Double])?.first)
            #expect(abs(first - 100 * (metrics[name] ?? .nan)) < 1e-9, "\(name)")
        }
    }

    @Test func otherImagesCanBeLookedAt() throws {
        let program = try retest(["--times", "2", "--test-images", "150", "--train-images", "300"])
        #expect(program.status == 0, "\(program.error)")
        #expect(program.output.contains("300 training and 150 test images") && program.output.contains("sd, points"))
    }

    @Test(arguments: [
        (["--times", "1"], "--times must be at least 2"), (["--test-images", "0"], "--test-images must be at least 1"),
    ])
    func mistakesAreErrorsOfUsage(arguments: [String], message: String) throws {
        let program = try retest(arguments)
        #expect(program.status == 64 && program.error.contains(message), "\(program.error)")
    }
}
