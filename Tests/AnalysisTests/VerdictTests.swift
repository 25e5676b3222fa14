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

    @Test func `The gravest finding comes first, and stands alone in the answer's table`() throws {
        let table = try ExperimentFixture.table([
            run("ijepa", seed: 0, verdict([])), run("ijepa", seed: 1, verdict([])),
            run("shared", seed: 0, verdict([("dimensional_collapse", 75), ("predictor_shortcut", 75)])),
            run("shared", seed: 1, verdict([("complete_collapse", 50), ("below_initialisation", 50)])),
        ])
        let label =
            "complete collapse 1/2, dimensional collapse 1/2, below initialisation 1/2, predictor shortcut 1/2"
        #expect(table.arms[1].verdict?.label == label)
        let arms = Answer(table).arms
        #expect(arms.map(\.verdict) == ["healthy", label])
        #expect(arms.map(\.gravest) == ["healthy", "complete collapse 1/2, 3 more"])
        func text(isWide: Bool) -> String {
            var options = AnswerText.Options(place: "demo")
            options.isWide = isWide
            options.width = 160
            return AnswerText(Answer(table), of: table, options: options).text
        }
        #expect(text(isWide: false).contains("complete collapse 1/2, 3 more") && text(isWide: true).contains(label))
    }

    @Test func runsWithoutAVerdictKeepTheirCollapseMark() throws {
        let table = try ExperimentFixture.table([
            run("ijepa", seed: 0, verdict([])), run("old", seed: 0, nil),
        ])
        #expect(table.arms.map(\.verdict?.label) == ["healthy", nil])
        #expect(table.markdown().contains("| collapse "))
    }

    // MARK: Falls

    /// A run as the table reads it: RankMe and accuracies at initialisation and at the end, 2,000 test images.
    private func trained(
        _ arm: String, seed: Int, rankme: (Double, Double), knn: (Double, Double), linear: (Double, Double),
        _ stored: StoredVerdict? = nil
    ) -> RunOutcome {
        var run = ExperimentFixture.run(arm, seed: seed, knn: knn.1)
        run.tables["evaluation/target"] = [
            "step": [0, 100], "knn_20": [knn.0, knn.1], "linear": [linear.0, linear.1],
            "rankme": [rankme.0, rankme.1], "effective_rank": [rankme.0, rankme.1], "std_mean": [0.3, 0.4],
        ]
        run.tables["diagnostics/target/images"] = ["step": [0, 100], "rows": [2000, 2000]]
        run.verdict = stored
        return run
    }

    /// Colour CIFAR-10 with shared weights: every number just inside its threshold.
    private func sharedOnCIFAR(_ seed: Int) -> RunOutcome {
        trained("shared", seed: seed, rankme: (17.9, 5.4), knn: (0.297, 0.262), linear: (0.418, 0.371), verdict([]))
    }

    private func healthyOnCIFAR(_ seed: Int) -> RunOutcome {
        trained("ijepa", seed: seed, rankme: (17.9, 31), knn: (0.297, 0.404), linear: (0.418, 0.48), verdict([]))
    }

    @Test func aRankThatFellWithTheAccuracyIsACollapseAlsoOfStoredRuns() throws {
        let table = try ExperimentFixture.table([0, 1, 2].flatMap { [healthyOnCIFAR($0), sharedOnCIFAR($0)] })
        #expect(table.arms.map(\.collapse?.label) == ["no", "rank lost 3/3"])
        #expect(table.arms.map(\.verdict?.label) == ["healthy", "dimensional collapse 3/3, behind healthy arms 3/3"])
        let text = table.markdown()
        #expect(text.contains("rankme/at initialisation 0.3 < 0.5"), "\(text)")
        #expect(text.contains("linear 0.371 < 0.418 at initialisation"), "\(text)")
        #expect(text.contains("behind healthy arms: RankMe is below half"), "\(text)")
        let runs = [0, 1, 2].flatMap { [healthyOnCIFAR($0), sharedOnCIFAR($0)] }
        for (arm, collapses) in [("shared", true), ("ijepa", false)] {
            let claim = Claim(arm: arm, collapses: collapses)
            #expect(ClaimVerdict(claim, runs: runs, metric: nil).outcome == .supported)
        }
    }

    @Test(arguments: [
        // A rank that fell by half with an accuracy that rose; an accuracy that fell with a rank that stands.
        (8.0, 0.35, 0.45, "no"), (14, 0.27, 0.38, "no"), (8.5, 0.31, 0.41, "rank lost 1/1"), (9.1, 0.25, 0.36, "no"),
    ])
    func oneOfTheTwoAloneIsNone(rankme: Double, knn: Double, linear: Double, label: String) throws {
        let table = try ExperimentFixture.table([
            trained("ijepa", seed: 0, rankme: (17.9, rankme), knn: (0.3, knn), linear: (0.42, linear))
        ])
        #expect(table.arms.map(\.collapse?.label) == [label])
    }

    @Test func aRunIsBehindHealthyArmsOfItsSeedAlone() throws {
        func weak(_ seed: Int, linear: Double = 0.43) -> RunOutcome {
            trained("weak", seed: seed, rankme: (17.9, 12), knn: (0.297, 0.3), linear: (0.418, linear))
        }
        let found = try ExperimentFixture.table([healthyOnCIFAR(0), weak(0), weak(1)])
        #expect(found.arms.map(\.collapse?.label) == ["no", "behind 1/2"])
        #expect(found.arms[1].collapse?.evidence.map(\.behindHealthyArms) == [true, false])
        #expect(found.markdown().contains("RankMe 12 against 31 of healthy arms, knn_20 30 % against 40.4 %"))
        // As good by every accuracy: fewer directions, and no worse for it.
        var equal = weak(0, linear: 0.478)
        equal.tables["evaluation/target"]?["knn_20"] = [0.297, 0.4]
        #expect(try ExperimentFixture.table([healthyOnCIFAR(0), equal]).arms.map(\.collapse?.label) == ["no", "no"])
        // Nobody is judged by arms that have collapsed themselves.
        let alone = try ExperimentFixture.table([sharedOnCIFAR(0), weak(0)])
        #expect(alone.arms.map(\.collapse?.label) == ["rank lost 1/1", "no"])
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
        #expect(stored.thresholds["gradient"] == 0.01 && stored.thresholds.count == 10)
        #expect(Set(stored.findings.map(\.name)).isSubset(of: StoredVerdict.knownFindings))
        // The words of the two modules agree.
        for finding in Diagnostics.Finding.allCases {
            #expect(
                StoredVerdict.Finding(name: finding.rawValue, onsetStep: 0, evidence: "").words == finding.words)
        }
    }

    @Test func accuraciesOfTheEvaluationsAreRead() throws {
        let tables = [
            "diagnostics/target/images": views([0, 50, 100], rank: [17.9, 9, 8]),
            "diagnostics/context/images": views([0, 50, 100], rank: [17.9, 17, 18]),
            "evaluation/target": table([
                ("step", [0, 100]), ("knn_20", [0.3, 0.28]), ("knn_10", [0.3, 0.2]), ("linear", [0.42, 0.39]),
                ("logistic", [0.43, .nan]), ("rankme", [17.9, 8]),
            ]),
        ]
        let history = RunHistory { tables[$0] }
        #expect(
            history.diagnoses[2].encoders[0].accuracies == [
                FeatureAccuracy("knn_20", 0.28), FeatureAccuracy("linear", 0.39),
            ])
        #expect(history.diagnoses[1].encoders[0].accuracies.isEmpty)
        #expect(history.diagnoses[2].encoders[1].accuracies.isEmpty)
        let verdict = RunVerdict(history, thresholds: VerdictThresholds())
        #expect(verdict.current.map(\.finding) == [.dimensionalCollapse])
        #expect(
            verdict.current[0].evidence.map(\.text).contains("target: linear 0.39 < 0.42 at initialisation"))
    }

    @Test func aRunWithoutDiagnosticsHasNoVerdict() {
        let history = RunHistory { _ in nil }
        #expect(history.diagnoses.isEmpty)
        #expect(StoredVerdict(RunVerdict(history, thresholds: VerdictThresholds())) == nil)
    }
}
