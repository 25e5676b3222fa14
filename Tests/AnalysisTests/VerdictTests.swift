import Diagnostics
import ExperimentSpec
import Foundation
import RunStore
import Testing

@testable import Analysis

@Suite struct VerdictTableTests {
    private func verdict(_ findings: [(String, Int)]) -> StoredVerdict {
        let stored = findings.map {
            StoredVerdict.Finding(name: $0.0, onsetStep: $0.1, evidence: "target: rankme 1.4 < 2")
        }
        return StoredVerdict(
            verdict: stored.isEmpty ? "healthy" : stored.map(\.words).joined(separator: ", "), step: 100,
            findings: stored, thresholds: ["rank_share": 0.05])
    }

    private func run(_ arm: String, seed: Int, _ verdict: StoredVerdict?) -> RunOutcome {
        var run = ExperimentFixture.run(arm, seed: seed, knn: 0.6)
        run.verdict = verdict
        return run
    }

    @Test func verdictsStandInTheTableWithOnsetAndEvidence() throws {
        let table = try ExperimentFixture.table([
            run("ijepa", seed: 0, verdict([])), run("ijepa", seed: 1, verdict([])),
            run("shared", seed: 0, verdict([("complete_collapse", 50), ("inert_regulariser", 25)])),
            run("shared", seed: 1, verdict([("complete_collapse", 75)])),
        ])
        #expect(
            table.arms.map(\.verdict?.label) == ["healthy", "complete collapse 2/2, inert regulariser 1/2"])
        let text = table.markdown()
        #expect(text.contains("| verdict ") && !text.contains("| collapse |"))
        #expect(
            text.contains("shared, seed 1: complete collapse since step 75 (target: rankme 1.4 < 2)."), "\(text)")
        #expect(text.contains("docs/diagnostics.md"))
        // Every finding in the table is explained below it, once.
        for finding in ["complete collapse: the features", "inert regulariser: the regulariser's gradient"] {
            #expect(text.components(separatedBy: "- \(finding)").count == 2, "\(text)")
        }
        let csv = table.csv().split(separator: "\n")
        #expect(csv[0].hasSuffix(",verdict") && csv[1].hasSuffix(",healthy"))
        #expect(try table.json().contains("\"onset_step\" : 75"))
    }

    @Test func runsWithoutAVerdictKeepTheirCollapseMark() throws {
        let table = try ExperimentFixture.table([
            run("ijepa", seed: 0, verdict([])), run("old", seed: 0, nil),
        ])
        #expect(table.arms.map(\.verdict?.label) == ["healthy", nil])
        #expect(table.markdown().contains("| collapse "))
    }

    @Test func namesReachDiagnosticsAndGradients() throws {
        let catalog = MetricCatalog(
            columns: [
                "evaluation/target": ["step", "rankme"], "diagnostics/target/patches": ["step", "rankme"],
                "diagnostics/encoders": ["step", "weight_distance"], "gradients": ["step", "variance_encoder"],
            ], encoder: "target")
        for (name, table) in [
            ("rankme", "evaluation/target"), ("target.rankme", "evaluation/target"),
            ("target.patches.rankme", "diagnostics/target/patches"),
            ("encoders.weight_distance", "diagnostics/encoders"), ("gradients.variance_encoder", "gradients"),
        ] {
            #expect(try catalog.resolve(name, in: "demo").table == table)
            #expect(catalog.names.contains(name))
        }
        #expect(!catalog.contains("target.within.rankme"))
    }
}

@Suite struct RunHistoryTests {
    private func table(_ columns: [(String, [Double])]) -> MetricTable {
        MetricTable(columns: columns.map { (name: $0.0, values: $0.1) })
    }

    private func views(_ steps: [Double], rank: [Double]) -> MetricTable {
        let constant = { (value: Double) in steps.map { _ in value } }
        return table([
            ("step", steps), ("rows", constant(100)), ("width", constant(24)), ("rankme", rank),
            ("effective_rank", rank), ("live_directions", constant(1)), ("std_mean", constant(0.4)),
            ("normalised_std_mean", constant(0.1)),
        ])
    }

    @Test func tablesBecomeAHistoryAndItsVerdictIsStored() throws {
        let steps: [Double] = [0, 50, 100]
        let tables = [
            "diagnostics/target/images": views(steps, rank: [10, 11, 1.5]),
            "diagnostics/context/images": views(steps, rank: [10, 11, 12]),
            "diagnostics/predictor": table([
                ("step", steps), ("loss", [1, 0.5, 0.4]), ("predictor_r2", [-1, 0.2, 0.3]),
                ("predictor_r2_position", [-1, 0.1, 0.2]),
            ]),
            "diagnostics/encoders": table([
                ("step", steps), ("target_movement", [0, 0.1, 0.2]), ("context_movement", [0, 0.2, 0.3]),
            ]),
            "gradients": table([
                ("step", [25, 50, 75]), ("prediction_encoder", [1, 1, 1]), ("regulariser_encoder", [1, 0.001, 0.001]),
            ]),
        ]
        let history = RunHistory { tables[$0] }
        #expect(history.diagnoses.map(\.step) == [0, 50, 100] && history.gradients.count == 3)
        #expect(history.diagnoses[1].predictorR2Position == 0.1 && history.diagnoses[2].targetMovement == 0.2)
        #expect(history.diagnoses[2].encoders.map(\.name) == ["target", "context"])
        let verdict = RunVerdict(history, thresholds: VerdictThresholds(DiagnosticsConfiguration()))
        let stored = try #require(StoredVerdict(verdict))
        #expect(stored.findings.map(\.name) == ["complete_collapse", "inert_regulariser"])
        #expect(stored.findings.map(\.onsetStep) == [100, 100])
        #expect(stored.findings[0].evidence == "target: rankme 1.5 < 2" && stored.step == 100)
        #expect(stored.thresholds["gradient"] == 0.01 && stored.thresholds.count == 9)
        #expect(Set(stored.findings.map(\.name)).isSubset(of: StoredVerdict.knownFindings))
        // The words of the two modules agree.
        for finding in Diagnostics.Finding.allCases {
            #expect(
                StoredVerdict.Finding(name: finding.rawValue, onsetStep: 0, evidence: "").words == finding.words)
        }
    }

    @Test func aRunWithoutDiagnosticsHasNoVerdict() {
        let history = RunHistory { _ in nil }
        #expect(history.diagnoses.isEmpty)
        #expect(StoredVerdict(RunVerdict(history, thresholds: VerdictThresholds())) == nil)
    }
}
