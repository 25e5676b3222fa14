import Declarations
import Evaluation
import ExperimentSpec
import Foundation
import Testing

/// A task that is on by default adds columns to runs, and changes none of them.
@Suite struct TaskIdentityTests {
    private static let enabled = "evaluation.logistic.enabled"

    private func configuration(_ settings: [String: SpecValue]) -> RunConfiguration {
        var configuration = RunConfiguration()
        for (path, value) in settings { configuration.set(path, to: value) }
        return configuration
    }

    private func names(_ configuration: RunConfiguration) -> [String] {
        configuration.evaluationTasks.map(\.declaration.name)
    }

    @Test func whetherItIsOnIsNoPartOfARunsIdentity() {
        let (on, off) = (configuration([:]), configuration([Self.enabled: false]))
        #expect(names(on) == ["knn", "linear", "logistic"] && names(off) == ["knn", "linear"])
        #expect(on.configurationHash() == off.configurationHash())
        #expect(!on.identityJSON().contains("logistic"))
    }

    @Test(
        arguments: [
            ("evaluation.logistic.c", [0.1]), ("evaluation.logistic.folds", 3),
            ("evaluation.logistic.features", "both"),
            ("evaluation.logistic.intermediate", true),
        ] as [(String, SpecValue)])
    func howItIsComputedIsAPartWhereItIsOn(path: String, value: SpecValue) {
        let other = configuration([path: value])
        #expect(other.configurationHash() != configuration([:]).configurationHash())
        #expect(
            configuration([path: value, Self.enabled: false]).configurationHash()
                == configuration([:]).configurationHash())
    }

    @Test func runsThatWereStoredBeforeItGoOnWithoutIt() throws {
        let new = configuration([:])
        let text = String(decoding: try JSONEncoder().encode(new), as: UTF8.self)
        #expect(try JSONDecoder().decode(RunConfiguration.self, from: Data(text.utf8)) == new)
        var object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        var evaluation = try #require(object["evaluation"] as? [String: Any])
        #expect(evaluation.removeValue(forKey: "logistic") != nil)
        object["evaluation"] = evaluation
        let old = try JSONDecoder().decode(
            RunConfiguration.self, from: try JSONSerialization.data(withJSONObject: object))
        #expect(names(old) == ["knn", "linear"])
    }
}
