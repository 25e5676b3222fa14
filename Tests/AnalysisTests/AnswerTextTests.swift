import ExperimentSpec
import Foundation
import RunStore
import Statistics
import Testing

@testable import Analysis

/// The answer as a terminal shows it.
@Suite struct AnswerTextTests {
    /// Some arms with long names, one that collapses, one of which a seed failed, claims and notes.
    static func large() throws -> ComparisonTable {
        let arms = [
            "ijepa.ema", "cjepa.ema", "weight=0.001,target=shared_with_gradient,predictor=transformer,depth=6",
            "weight=0.010,target=shared_with_gradient,predictor=transformer,depth=6", "日本語のアーム.ema", "near", "one",
        ]
        var runs: [RunOutcome] = []
        for (index, arm) in arms.enumerated() {
            let isCollapsed = index == 3
            let gain: Double = (arm == "near" ? 0.001 : 0.004) * Double(index % 4)
            for seed in 0..<(arm == "one" ? 1 : 5) {
                let noise: Double = 0.001 * Double((seed * (index + 2)) % 5)
                let knn: Double = 0.6 + 0.01 * Double(seed) + gain + noise
                runs.append(
                    ExperimentFixture.run(
                        arm, seed: seed, knn: knn, rankme: isCollapsed ? 1.2 : 24, stdMean: isCollapsed ? 0.01 : 0.3))
            }
        }
        var failed = RunOutcome(arm: "one", seed: 1, status: .failed)
        failed.reason = "/a/very/long/path/without/any/space/in/it/that/no/narrow/window/holds/run.h5: is damaged"
        runs.append(failed)
        let claims = [
            Claim(arm: arms[1], minus: arms[0], metric: "knn_20", atLeast: 0.1, unit: .points),
            Claim(arm: arms[2], minus: arms[0], metric: "knn_20", atLeast: 0.6, unit: .points),
            Claim(arm: arms[3], collapses: false),
        ]
        let metric = try MetricCatalog(columns: ExperimentFixture.columns(of: runs), encoder: "target")
            .resolve("knn_20", in: "")
        return ComparisonTable(
            experiment: "demo", question: "Does VICReg help?", baseline: "ijepa.ema", arms: arms, runs: runs,
            floors: [PixelFloor(dataset: "fashion_mnist", metrics: ["pixel_knn_20": 0.82])],
            metrics: [metric] + [
                MetricSelector(name: "rankme", table: "evaluation/target", column: "rankme", reduction: .last),
                MetricSelector(name: "loss", table: "steps", column: "loss", reduction: .tail),
            ], encoder: "target", verdicts: claims.map { ClaimVerdict($0, runs: runs, metric: metric) })
    }

    private static func text(
        _ table: ComparisonTable, metric: String? = nil, _ change: (inout AnswerText.Options) -> Void = { _ in }
    ) -> String {
        var options = AnswerText.Options(place: table.experiment)
        change(&options)
        return AnswerText(Answer(table, metric: metric), of: table, options: options).text
    }

    private static func lines(_ text: String) -> [String] {
        text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    @Test func `While runs are to come there are sentences and a table, and no reference to notes`() throws {
        let table = try Self.large()
        let whole = Self.text(table) { $0.width = 100 }
        let brief = Self.text(table) {
            $0.width = 100
            $0.isBrief = true
        }
        #expect(whole.contains("¹") && whole.contains("Claims") && whole.contains("--wide"))
        #expect(brief.contains(/(?m)^arm +n +knn_20/) && brief.hasPrefix("weight=0.010,target"), "\(brief)")
        #expect(!brief.contains("¹") && !brief.contains("Claims") && !brief.contains("--wide"))
    }

    @Test func `The arm is the first column, whether it is asked for or not`() throws {
        let table = try Self.large()
        func headings(_ columns: [String]) -> [Substring] {
            let text = Self.text(table) { $0.columns = columns }
            return Self.lines(text).first { $0.hasPrefix("arm") }?.split(separator: /\s{2,}/) ?? []
        }
        #expect(headings(["arm", "n"]) == ["arm", "n"] && headings(["n"]) == ["arm", "n"])
        #expect(headings(["arm"]) == ["arm"])
    }

    // MARK: Windows

    @Test(arguments: [1, 20, 40, 60, 80, 120, 200])
    func `No line is longer than the window`(width: Int) throws {
        for table in [try Self.large(), try ExperimentFixture.mixed()] {
            for sections in [[], Set(TableSection.allCases)] {
                let text = Self.text(table) {
                    $0.width = width
                    $0.sections = sections
                }
                for line in Self.lines(text) {
                    #expect(line.displayWidth <= max(width, AnswerText.leastWidth), "\(line)")
                    #expect(line.last != " " && !line.hasPrefix("%") && !line.hasPrefix("± "))
                }
                #expect(text.hasSuffix("\n") && !text.hasSuffix("\n\n"))
            }
        }
    }

    @Test(arguments: [40, 80, 200])
    func `Colours change nothing but the colours`(width: Int) throws {
        let table = try Self.large()
        let plain = Self.text(table) { $0.width = width }
        let coloured = Self.text(table) {
            $0.width = width
            $0.isColoured = true
        }
        #expect(!plain.contains("\u{1B}"))
        #expect(coloured.contains("\u{1B}[32m") && coloured.contains("\u{1B}[31m") && coloured.contains("\u{1B}[2m"))
        #expect(coloured.replacing(/\x1B\[\d+m/, with: "") == plain)
    }

    @Test func `A narrow window has the most important columns, and says what it lacks`() throws {
        let table = try Self.large()
        func heading(_ width: Int) -> [Substring] {
            let text = Self.text(table) { $0.width = width }
            return Self.lines(text).first { $0.hasPrefix("arm ") }?.split(separator: /\s{2,}/) ?? []
        }
        #expect(heading(40) == ["arm", "knn_20", "difference"])
        #expect(heading(60) == ["arm", "knn_20", "difference", "95 % interval", "verdict"])
        #expect(heading(80) == ["arm", "n", "knn_20", "difference", "95 % interval", "rank", "verdict"])
        #expect(heading(120) == ["arm", "n", "knn_20", "difference", "95 % interval", "95 %", "p", "rank", "verdict"])
        let narrow = Self.text(table) { $0.width = 60 }
        #expect(narrow.contains("Left out to fit 60 columns: rank, n.\n"), "\(narrow)")
        #expect(!Self.text(table) { $0.width = 120 }.contains("Left out"))
    }

    @Test func `Verdicts are wrapped between words, and less important columns make room`() {
        let columns = [
            TextGrid.Column(name: "arm", titles: ["arm"], cells: [.init(text: "shared")], importance: 9),
            TextGrid.Column(name: "p", titles: ["p"], cells: [.init(text: "0.015")], importance: 1, isOptional: true),
            TextGrid.Column(
                name: "verdict", titles: ["verdict"],
                cells: [.init(text: "dimensional collapse, below initialisation")],
                isLeading: true, width: .wrapped(9), importance: 5, growth: 2),
        ]
        func words(_ width: Int) -> [String] {
            TextGrid(columns, width: width).lines.flatMap {
                $0.text(isColoured: false, width: nil).split(separator: " ").map(String.init)
            }
        }
        let verdict = ["dimensional", "collapse,", "below", "initialisation"]
        #expect(words(40) == ["arm", "p", "verdict", "shared", "0.015"] + verdict)
        #expect(words(24) == ["arm", "verdict", "shared"] + verdict)
    }

    @Test func `What is optional goes before names are shortened`() {
        let columns = [
            TextGrid.Column(
                name: "arm", titles: ["arm"], cells: [.init(text: "ijepa.shared")], width: .shortened(4), importance: 9),
            TextGrid.Column(
                name: "p", titles: ["p"], cells: [.init(text: "0.015 (Holm)")], importance: 1, isOptional: true),
            TextGrid.Column(name: "n", titles: ["n"], cells: [.init(text: "33")], importance: 2),
            TextGrid.Column(
                name: "value", titles: ["value"], cells: [.init(text: "47.9 ± 0.3 points of accuracy")], importance: 3),
        ]
        func row(_ width: Int) -> String? {
            TextGrid(columns, width: width).lines.last?.text(isColoured: false, width: nil)
        }
        let value = "47.9 ± 0.3 points of accuracy"
        #expect(row(61) == "ijepa.shared  0.015 (Holm)  33  \(value)")
        #expect(row(60) == "ijepa.shared  33  \(value)")
        #expect(row(43)?.contains("33") == true && row(43)?.contains("ijepa.shared") == false)
    }

    @Test func `Long names lose their middle, since beginnings and ends tell arms apart`() throws {
        let rows = Self.lines(Self.text(try Self.large())).filter { $0.hasPrefix("weight=0") && $0.contains(" ± ") }
        #expect(rows.count == 2 && rows.allSatisfy { $0.contains("…") && $0.contains("=6 ") })
        #expect(Self.text(try Self.large()) { $0.isWide = true }.contains(",depth=6  "))
    }

    @Test func `Wide shows every column and the evidence`() throws {
        let table = try Self.large()
        let text = Self.text(table) { $0.isWide = true }
        let heading = try #require(Self.lines(text).first { $0.hasPrefix("arm ") })
        #expect(
            heading.split(separator: /\s{2,}/) == [
                "arm", "n", "knn_20", "difference", "95 % interval", "95 %", "p", "rank", "verdict", "rankme",
                "difference", "loss", "difference",
            ])
        #expect(text.contains("RankMe 1.2 of 96") && !Self.text(table).contains("RankMe 1.2 of 96"))
    }

    // MARK: Content

    @Test func `Footnotes are marked where they belong, and numbered as they are shown`() throws {
        let table = try Self.large()
        // The collapse of another arm is note 1.
        #expect(table.arms.last?.notes == [2])
        let text = Self.text(table)
        #expect(text.contains("one¹ ") && text.contains("\n¹ one, seed 1: failed –\n  /a/very/long/path"), "\(text)")
        #expect(Self.text(table) { $0.isWide = true }.contains("one² "))
    }

    @Test func `Claims have a mark, the verdict in words and the reason`() throws {
        let text = Self.text(try Self.large()) { $0.width = 200 }
        #expect(text.contains("\nClaims\n✓ supported: cjepa.ema − ijepa.ema in knn_20 ≥ 0.1 points\n  +"), "\(text)")
        let verdict = ClaimVerdict(Claim(arm: "ijepa", collapses: false), runs: [], metric: nil)
        // Both on one line where they fit.
        let judged = ComparisonTable(
            experiment: "demo", question: "", baseline: "ijepa", arms: ["ijepa"], runs: [], floors: [], metrics: [],
            encoder: "target", verdicts: [verdict])
        #expect(
            Self.text(judged) { $0.width = 100 }.contains(
                "\n? cannot tell: ijepa does not collapse – 0 of 0 runs collapsed, but 3 seeds are needed\n"))
        #expect(text.contains("depth=6 does not\n  collapse\n  5 of 5 runs collapsed\n"))
    }

    @Test func `One seed is a sentence, not columns of dashes`() throws {
        let table = try ExperimentFixture.table([
            ExperimentFixture.run("ijepa", seed: 0, knn: 0.6), ExperimentFixture.run("b", seed: 0, knn: 0.615),
        ])
        let text = Self.text(table)
        #expect(text.contains("With one seed of each arm no difference can be told from chance"))
        #expect(!text.contains("±") && !text.contains("95 %") && !text.contains("rank"), "\(text)")
        let rows = Self.lines(text).filter { $0.hasPrefix("ijepa ") || $0.hasPrefix("b ") }
        #expect(rows.count == 2 && rows.allSatisfy { !$0.contains("–") })
        #expect(rows[0].contains("baseline") && rows[1].contains("+1.5"))
    }

    @Test func `Before anything is done, text says so`() {
        let table = ComparisonTable(
            experiment: "demo", question: "", baseline: "a", arms: ["a"],
            runs: [RunOutcome(arm: "a", seed: 0, status: .planned)], floors: [], metrics: [], encoder: "target")
        let text = Self.text(table)
        #expect(text.hasPrefix("demo\n\nThe only run has not finished yet.\n\narm"), "\(text)")
        #expect(text.contains("0/1") && text.contains("no finished run"))
    }

    @Test func `The columns that are asked for are shown in their order`() throws {
        let text = Self.text(try Self.large()) {
            $0.columns = ["verdict", "loss", "n"]
            $0.hasLegend = false
        }
        let heading = try #require(Self.lines(text).first { $0.hasPrefix("arm ") })
        #expect(heading.split(separator: /\s{2,}/) == ["arm", "verdict", "loss", "n"])
        #expect(!text.contains("at initialisation: the same"))
        // The sentences are about the headline all the same.
        #expect(text.replacing("\n", with: " ").contains("20-NN accuracy"))
    }

    @Test func `Another headline changes sentences, columns and ranks`() throws {
        let text = Self.text(try Self.large(), metric: "rankme")
        #expect(text.contains(" in rankme") && !text.contains("20-NN accuracy") && !text.contains("rank  "))
    }

    @Test func `What comes from files cannot steer the terminal`() throws {
        let table = try ExperimentFixture.table(
            [ExperimentFixture.run("a\u{1B}[2J\nb\tc", seed: 0, knn: 0.6)], baseline: "a\u{1B}[2J\nb\tc")
        let text = Self.text(table)
        #expect(!text.contains("\u{1B}") && text.contains(#"a\u001b[2J b c"#), "\(text)")
    }

    // MARK: Bars

    @Test func `Bars share one scale with a mark at 0`() throws {
        let bars = try #require(
            IntervalBars(
                [
                    (mean: 0.01, interval: .init(low: 0.005, high: 0.015)), nil,
                    (mean: -0.01, interval: .init(low: -0.02, high: 0)),
                    (mean: -0.015, interval: .init(low: -0.018, high: 0.004)),
                ], factor: 100))
        let (scale, drawn) = bars.drawn(width: 36)
        #expect(scale == "−2.0                0            1.5")
        #expect(drawn[0] == "                    │    ━━━━━●━━━━━")
        #expect(drawn[1].isEmpty)
        #expect(drawn[2] == "━━━━━━━━━━●━━━━━━━━━┿               ")
        #expect(drawn[3] == "  ━━━●━━━━━━━━━━━━━━┿━━━━           ")
        #expect(IntervalBars([nil], factor: 1) == nil)
        #expect(IntervalBars([(mean: .nan, interval: .init(low: .nan, high: .nan))], factor: 1) == nil)
    }

    @Test(arguments: [1e-300, 1e-7, 0.003, 2, 1234, 1e9, 1e74])
    func `Bars of any size have a scale that fits`(size: Double) throws {
        for (low, high) in [(-0.4, 1.0), (0.2, 1.0), (-1.0, -0.1)] {
            let mean = size * (low + high) / 2
            let bars = IntervalBars(
                [(mean: mean, interval: .init(low: size * low, high: size * high))], factor: 100)
            guard let drawn = bars?.drawn(width: 15) else { continue }
            #expect(drawn.scale.displayWidth == 15 && drawn.bars[0].displayWidth == 15)
            #expect(drawn.bars[0].contains("●"))
        }
    }

    // MARK: Width of text

    @Test(arguments: [("abc", 3), ("é", 1), ("e\u{301}", 1), ("日本", 4), ("±−…●━", 5), ("👩‍🔬", 2), ("", 0)])
    func `Width is counted in columns`(text: String, width: Int) {
        #expect(text.displayWidth == width)
    }

    @Test func `Texts are shortened and wrapped to a width`() {
        #expect("abcdefgh".shortenedInMiddle(to: 5) == "ab…gh" && "abcdefgh".shortenedInMiddle(to: 6) == "abc…gh")
        #expect("abc".shortenedInMiddle(to: 3) == "abc" && "abcd".shortenedInMiddle(to: 1) == "…")
        #expect("日本語日本語".shortenedInMiddle(to: 7).displayWidth <= 7)
        #expect("abcdef".shortened(to: 4) == "abc…")
        #expect("one two three".wrapped(to: 7) == ["one two", "three"])
        #expect("abcdefgh ij".wrapped(to: 3) == ["abc", "def", "gh", "ij"])
        #expect("".wrapped(to: 5) == [""] && "日本語".wrapped(to: 1).count >= 1)
    }
}
