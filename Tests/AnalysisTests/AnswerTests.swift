import ExperimentSpec
import RunStore
import Statistics
import Testing

@testable import Analysis

/// The answer that a table gives, in numbers and in sentences.
@Suite struct AnswerTests {
    /// Arms with the accuracies of their seeds.
    static func table(
        _ arms: [(name: String, knn: [Double])], baseline: String = "ijepa", collapsed: [String: Int] = [:],
        planned: [String] = [], floors: [PixelFloor] = [], metrics: [String] = ["knn_20"], initial: Double = 0.5
    ) throws -> ComparisonTable {
        let runs = arms.flatMap { arm in
            arm.knn.enumerated().map { seed, knn in
                let isCollapsed = seed < collapsed[arm.name] ?? 0
                return ExperimentFixture.run(
                    arm.name, seed: seed, knn: knn, rankme: isCollapsed ? 1.2 : 24, stdMean: isCollapsed ? 0.01 : 0.3,
                    initialKNN: initial)
            }
        }
        let missing = planned.map { RunOutcome(arm: $0, seed: 0, status: .planned) }
        return try ExperimentFixture.table(
            runs + missing, metrics: metrics, baseline: baseline, arms: arms.map(\.name) + planned, floors: floors)
    }

    private static func sentences(
        _ arms: [(name: String, knn: [Double])], baseline: String = "ijepa", collapsed: [String: Int] = [:],
        planned: [String] = [], floors: [PixelFloor] = []
    ) throws -> [String] {
        Answer(
            try table(arms, baseline: baseline, collapsed: collapsed, planned: planned, floors: floors)
        ).sentences
    }

    private static let pixels = [PixelFloor(dataset: "fashion_mnist", metrics: ["pixel_knn_20": 0.55])]

    // MARK: Numbers

    @Test func `Numbers are those of the table, and outcomes follow interval and Holm`() throws {
        let table = try Self.table([
            ("ijepa", [0.60, 0.61, 0.62]), ("up", [0.620, 0.631, 0.640]), ("down", [0.570, 0.580, 0.591]),
            ("near", [0.60, 0.62, 0.61]), ("same", [0.60, 0.61, 0.62]), ("one", [0.7]),
        ])
        let answer = Answer(table)
        #expect(answer.metric?.name == "knn_20" && answer.column == 0)
        for (arm, row) in zip(answer.arms, table.arms) {
            #expect(arm.statistics == row.cells[0].statistics && arm.values == row.cells[0].values)
            #expect(arm.difference?.mean == row.cells[0].inference?.paired.mean)
            #expect(arm.difference?.interval == row.cells[0].inference?.paired.studentInterval)
            #expect(arm.difference?.p == row.cells[0].inference?.studentPHolm)
        }
        #expect(answer.arms.map(\.difference?.outcome) == [nil, .above, .below, .open, .noSpread, .tooFew])
        #expect(answer.arms.map(\.rank) == [3, 2, 6, 3, 3, 1])
        #expect(answer.arms.map { $0.difference?.isClear } == [nil, true, true, false, false, false])
        #expect(!answer.hasSingleSeeds)
    }

    @Test func `What Holm leaves open is not clear, though its interval excludes 0`() throws {
        // t = 4.9 with two degrees of freedom: p = 0.04 alone.
        let arms: [(name: String, knn: [Double])] = [
            ("ijepa", [0.60, 0.60, 0.60]), ("a", [0.61, 0.612, 0.618]), ("b", [0.61, 0.60, 0.59]),
        ]
        let alone = Answer(try Self.table(Array(arms.prefix(2)))).arms[1].difference
        let beside = Answer(try Self.table(arms)).arms[1].difference
        #expect(alone?.interval == beside?.interval && (alone?.interval?.low ?? 0) > 0)
        #expect(alone?.outcome == .above && beside?.outcome == .open)
        #expect(alone?.moreSeeds == nil && (beside?.moreSeeds ?? 0) >= 1)
    }

    @Test func `Seeds that are missing are counted to the level that Holm asks for`() throws {
        let arms: [(name: String, knn: [Double])] = [
            ("ijepa", [0.60, 0.60, 0.60]), ("a", [0.61, 0.60, 0.62]), ("b", [0.59, 0.60, 0.61]),
        ]
        let alone = try #require(Answer(try Self.table(Array(arms.prefix(2)))).arms[1].difference)
        // One standard deviation from 0: 10 pairs have a power of 80 %.
        #expect(alone.moreSeeds == (EffectSize.pairsNeeded(toFind: 1) ?? 0) - 3 && alone.moreSeeds == 7)
        let beside = try #require(Answer(try Self.table(arms)).arms[1].difference)
        #expect(beside.moreSeeds == (EffectSize.pairsNeeded(toFind: 1, alpha: 0.025) ?? 0) - 3)
        #expect(Answer(try Self.table(arms)).arms[2].difference?.moreSeeds == nil)
    }

    @Test func `The headline is logistic regression, else the linear probe, or what is asked for`() throws {
        func table(_ columns: [String]) -> ComparisonTable {
            let runs = ["ijepa", "b"].map { arm in
                RunOutcome(
                    arm: arm, seed: 0, status: .done,
                    tables: [
                        "evaluation/target": Dictionary(
                            uniqueKeysWithValues: [("step", [0, 9])] + columns.map { ($0, [0.1, 0.5]) }),
                        "steps": ["step": [1], "loss": [1]],
                    ], network: "vit", width: 96)
            }
            let catalog = MetricCatalog(columns: ExperimentFixture.columns(of: runs), encoder: "target")
            let metrics = (["loss"] + columns).compactMap { try? catalog.resolve($0, in: "") }
            return ComparisonTable(
                experiment: "demo", question: "", baseline: "ijepa", arms: ["ijepa", "b"], runs: runs, floors: [],
                metrics: metrics, encoder: "target")
        }
        #expect(Answer(table(["knn_20", "linear", "logistic"])).metric?.name == "logistic")
        #expect(Answer(table(["knn_20", "linear"])).metric?.name == "linear")
        #expect(Answer(table(["rankme", "knn_20"])).metric?.name == "knn_20")
        #expect(Answer(table([])).metric?.name == "loss")
        #expect(Answer(table(["knn_20", "linear"]), metric: "knn_20").metric?.name == "knn_20")
        #expect(Answer(table(["rankme", "linear"]), metric: "rankme").arms.allSatisfy { $0.rank == nil })
    }

    // MARK: Sentences

    @Test func `Clear differences come first, then what is open`() throws {
        let sentences = try Self.sentences(
            [
                ("ijepa", [0.60, 0.61, 0.62]), ("up", [0.620, 0.631, 0.640]), ("down", [0.570, 0.580, 0.591]),
                ("near", [0.60, 0.62, 0.61]),
            ], floors: Self.pixels)
        #expect(
            sentences == [
                "up is clearly above ijepa in 20-NN accuracy, by 2.03 points (95 % [1.89, 2.18]); down is clearly below it, "
                    + "by 2.97 points (95 % [−3.11, −2.82]); near does not differ clearly from it.",
                "No arm collapsed. All 4 arms lie, on average, above both floors, raw pixels (55.0 %) and the networks at "
                    + "initialisation (50.0 %).",
            ])
    }

    @Test func `Several arms share a clause`() throws {
        let up: [Double] = [0.02, 0.021, 0.022]
        func raised(_ by: [Double]) -> [Double] { zip([0.60, 0.61, 0.62], by).map(+) }
        let sentences = try Self.sentences([
            ("ijepa", raised([0, 0, 0])), ("a", raised(up)), ("b", raised(up.map { 2 * $0 })),
            ("c", raised([0, 0.01, -0.01])), ("d", raised([0.01, 0, -0.01])), ("e", raised([-0.01, 0.01, 0])),
        ])
        #expect(
            sentences[0]
                == "b (+4.20 points) and a (+2.10 points) are clearly above ijepa in 20-NN accuracy; the other 3 arms do not "
                + "differ clearly from it.")
        let open = try Self.sentences([
            ("ijepa", raised([0, 0, 0])), ("c", raised([0, 0.01, -0.01])), ("d", raised([0.01, 0, -0.01])),
        ])
        #expect(open[0] == "Neither c nor d differs clearly from ijepa in 20-NN accuracy.")
        let three = try Self.sentences([
            ("ijepa", raised([0, 0, 0])), ("c", raised([0, 0.01, -0.01])), ("d", raised([0.01, 0, -0.01])),
            ("e", raised([-0.01, 0.01, 0])),
        ])
        #expect(three[0] == "None of the 3 other arms differs clearly from ijepa in 20-NN accuracy.")
    }

    @Test func `One other arm is told with its numbers`() throws {
        let sentences = try Self.sentences([("ijepa", [0.60, 0.61, 0.62]), ("c", [0.60, 0.62, 0.61])])
        #expect(
            sentences[0]
                == "c does not differ clearly from ijepa in 20-NN accuracy: 0.0 points, 95 % [−2.5, 2.5], 3 seeds.")
        #expect(
            sentences[1]
                == "No arm collapsed. Both arms lie, on average, above the networks at initialisation (50.0 %).")
    }

    @Test(
        arguments: [
            ([("ijepa", [0.6]), ("c", [0.615])], "one seed", "c − ijepa is +1.5 points in 20-NN accuracy."),
            (
                [("ijepa", [0.6, 0.6]), ("c", [0.615, 0.61]), ("d", [0.56, 0.57])], "2 seeds",
                "the largest from ijepa in 20-NN accuracy is that of d, −3.5 points."
            ),
        ] as [([(String, [Double])], String, String)])
    func `Few seeds tell nothing, and say so`(arms: [(String, [Double])], seeds: String, end: String) throws {
        let sentences = try Self.sentences(arms.map { (name: $0.0, knn: $0.1) })
        #expect(sentences[0] == "With \(seeds) of each arm no difference can be told from chance: \(end)")
    }

    @Test func `One arm, no baseline, and nothing finished have sentences of their own`() throws {
        #expect(
            try Self.sentences([("ijepa", [0.6, 0.62])])[0]
                == "ijepa reaches 61.0 ± 1.4 % in 20-NN accuracy (2 seeds); there is no other arm to compare it with.")
        #expect(
            try Self.sentences([("ijepa", [0.6])])
                == [
                    "ijepa reaches 60.0 % in 20-NN accuracy (one seed); there is no other arm to compare it with.",
                    "ijepa did not collapse. ijepa lies above the networks at initialisation (50.0 %).",
                ])
        #expect(
            try Self.sentences([("a", [0.6]), ("b", [0.7])], baseline: "")[0]
                == "There is no baseline, so there are no differences.")
        #expect(
            try Self.sentences([("a", [0.6, 0.6, 0.6]), ("b", [0.7, 0.7, 0.7])], planned: ["ijepa"])[0]
                == "The baseline ijepa has no results yet, so there are no differences; the highest mean is that of b, "
                + "70.0 ± 0.0 % in 20-NN accuracy (3 seeds).")
        #expect(
            try Self.sentences([("ijepa", [0.6])], planned: ["b"])[0]
                == "Only the baseline ijepa has results yet: 60.0 % in 20-NN accuracy (one seed).")
        let nothing = ComparisonTable(
            experiment: "demo", question: "", baseline: "a", arms: ["a", "b"],
            runs: ["a", "b"].map { RunOutcome(arm: $0, seed: 0, status: .planned) }, floors: [], metrics: [],
            encoder: "target")
        #expect(Answer(nothing).sentences == ["No run has finished yet."] && Answer(nothing).power.isEmpty)
        let one = ComparisonTable(
            experiment: "demo", question: "", baseline: "a", arms: ["a"],
            runs: [RunOutcome(arm: "a", seed: 0, status: .planned)], floors: [], metrics: [], encoder: "target")
        #expect(Answer(one).sentences == ["The only run has not finished yet."])
    }

    @Test func `Equal differences leave nothing to test against`() throws {
        let sentences = try Self.sentences([
            ("ijepa", [0.6, 0.6, 0.6]), ("same", [0.6, 0.6, 0.6]), ("raised", [0.61, 0.61, 0.61]),
        ])
        #expect(
            sentences[0]
                == "same equals ijepa in 20-NN accuracy in every seed; raised differs from it by the same +1.0 points in "
                + "every seed, which leaves nothing to test against.")
    }

    @Test func `Collapse is counted, and floors are asked of the others`() throws {
        let values: [Double] = [0.60, 0.61, 0.62]
        let sentences = try Self.sentences(
            [("ijepa", values), ("all", values), ("some", values), ("low", [0.51, 0.52, 0.53])],
            collapsed: ["all": 3, "some": 1], floors: Self.pixels)
        #expect(
            sentences[1]
                == "all collapsed in all 3 runs and some in 1 of 3 runs. ijepa and low lie, on average, above the networks at "
                + "initialisation (50.0 %), but low does not exceed raw pixels (55.0 %).")
        let partly = try Self.sentences([("ijepa", values), ("some", values)], collapsed: ["some": 2])
        #expect(
            partly[1]
                == "some collapsed in 2 of 3 runs. ijepa lies, on average, above the networks at initialisation (50.0 %)."
        )
        let lowest = try Self.sentences(
            [("ijepa", [0.51]), ("b", [0.52]), ("c", [0.53])], floors: Self.pixels)
        #expect(
            lowest[1]
                == "No arm collapsed. All 3 arms lie above the networks at initialisation (50.0 %), but none of them "
                + "exceeds raw pixels (55.0 %).")
        let under = try Self.sentences([("ijepa", [0.41]), ("b", [0.42])], floors: Self.pixels)
        #expect(
            under[1]
                == "No arm collapsed. Neither ijepa nor b exceeds raw pixels (55.0 %) or the networks at "
                + "initialisation (50.0 %).")
        let everything = try Self.sentences([("ijepa", [0.6]), ("b", [0.6])], collapsed: ["ijepa": 1, "b": 1])
        #expect(everything[1] == "ijepa and b collapsed.")
    }

    @Test func `Each arm is held against the network that it starts from`() throws {
        let runs = [
            ExperimentFixture.run("ijepa", seed: 0, knn: 0.6, initialKNN: 0.5),
            ExperimentFixture.run("wide", seed: 0, knn: 0.6, network: "wide", initialKNN: 0.65),
        ]
        let sentence = Answer(try ExperimentFixture.table(runs)).sentences[1]
        #expect(sentence == "No arm collapsed. wide does not exceed the networks at initialisation.")
    }

    @Test func `Claims are counted, and the one that falls is named`() throws {
        func claim(_ minimum: Double, _ arm: String = "c") -> Claim {
            Claim(arm: arm, minus: "ijepa", metric: "knn_20", atLeast: minimum, unit: .points)
        }
        let runs = (0..<3).flatMap { seed in
            [
                ExperimentFixture.run("ijepa", seed: seed, knn: 0.6),
                ExperimentFixture.run("c", seed: seed, knn: 0.62 + 0.001 * Double(seed)),
            ]
        }
        func sentence(_ claims: [Claim]) throws -> String? {
            let catalog = MetricCatalog(columns: ExperimentFixture.columns(of: runs), encoder: "target")
            let metric = try catalog.resolve("knn_20", in: "")
            return Answer(
                ComparisonTable(
                    experiment: "demo", question: "", baseline: "ijepa", arms: ["ijepa", "c"], runs: runs, floors: [],
                    metrics: [metric], encoder: "target",
                    verdicts: claims.map { ClaimVerdict($0, runs: runs, metric: metric) })
            ).sentences.last
        }
        #expect(try sentence([claim(1)]) == "The claim “c − ijepa in knn_20 ≥ 1 points” stands.")
        #expect(try sentence([claim(2.1)]) == "The claim “c − ijepa in knn_20 ≥ 2.1 points” is undecided.")
        #expect(try sentence([claim(1), claim(1.5)]) == "Both claims stand.")
        #expect(try sentence([claim(3), claim(3), claim(4)]) == "All 3 claims fall.")
        #expect(
            try sentence([claim(1), claim(1), claim(3), claim(2.1)])
                == "Of 4 claims, 2 stand, 1 falls (“c − ijepa in knn_20 ≥ 3 points”) and 1 is undecided.")
    }

    @Test func `Power says how many seeds are missing, in the singular and the plural`() throws {
        func power(_ arms: [(name: String, knn: [Double])]) throws -> [String] { Answer(try Self.table(arms)).power }
        #expect(
            try power([("ijepa", [0.6]), ("b", [0.7])])
                == ["A test needs 3 seeds of each arm: at least 2 more seeds."])
        #expect(
            try power([("ijepa", [0.6, 0.6]), ("b", [0.7, 0.71])])
                == ["A test needs 3 seeds of each arm: at least 1 more seed."])
        #expect(
            try power([("ijepa", [0.60, 0.60, 0.60]), ("a", [0.61, 0.60, 0.62])])
                == ["7 more seeds would decide whether a differs from ijepa, with 80 % probability."])
        let two = try power([
            ("ijepa", [0.60, 0.60, 0.60]), ("a", [0.61, 0.60, 0.62]), ("b", [0.59, 0.61, 0.60]),
        ])
        #expect(
            two.count == 2
                && two[0].hasSuffix("more seeds would decide whether a differs from ijepa, with 80 % probability."))
        #expect(two[1] == "b is too near ijepa for any number of seeds up to 1,000 to tell.")
        #expect(try power([("ijepa", [0.6, 0.6, 0.6]), ("b", [0.7, 0.71, 0.72])]).isEmpty)
        let noisy = (1...6).map { index in
            (name: "a\(index)", knn: [0, 0.01, 0.02].map { 0.6 + $0 + 0.001 * Double(index - 6) })
        }
        let many = try power([("ijepa", [0.6, 0.6, 0.6])] + noisy)
        #expect(
            many.count == 1
                && many[0].contains(
                    /^More seeds that would decide open differences from ijepa, with 80 % probability: \d+ for a6, \d+ for a5, \d+ for a4 and \d+ or more for each of 3 others\.$/
                ), "\(many)")
    }

    @Test(
        arguments: [
            ([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c"),
            (["a", "b", "c", "d", "e"], "a, b, c and 2 more"),
        ] as [([String], String)])
    func `Lists read as people write them`(names: [String], text: String) {
        #expect(Answer.list(names) == text)
    }
}
