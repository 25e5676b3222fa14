import Foundation
import Testing

@testable import Analysis

/// Where marks are, against the values that they stand for.
@Suite struct ChartTests {
    private let styles = [ArmStyle(hue: 0, dash: 0), ArmStyle(hue: 1, dash: 1)]

    /// Coordinates of every element of a kind, in the order of the picture.
    private func attributes(_ name: String, of element: String, in svg: String) -> [Double] {
        svg.matches(of: /<([a-z]+) ([^>]*)>/).filter { $0.output.1 == element }.compactMap { match in
            match.output.2.split(separator: " ").first { $0.hasPrefix("\(name)=\"") }
                .flatMap { Double($0.dropFirst(name.count + 2).prefix { $0 != "\"" }) }
        }
    }

    @Test(arguments: [ChartTheme.page, .print])
    func `A point of a line is where its value is between the ticks`(theme: ChartTheme) throws {
        let line = ChartSeries(arm: 0, label: "a", x: [0, 10, 40], mean: [1, 3, 2], low: [1, 2, 2], high: [1, 4, 2])
        let chart = LineChart(title: "t", caption: "", xLabel: "step", yLabel: "value", series: [line])
        let plot = try #require(chart.plot(theme, x: 5, y: 7, width: 300, height: 200))
        #expect(plot.left > 5 && plot.right < 305 && plot.top > 7 && plot.bottom < 207)
        // Linear, the larger the higher, with the range of the seeds inside the plot.
        let unit = (plot.py(1) - plot.py(3)) / 2
        #expect(unit > 0)
        #expect(abs(plot.py(1) - plot.py(2) - unit) < 1e-9)
        #expect(plot.py(4) > plot.top && plot.py(1) < plot.bottom)
        #expect(abs((plot.px(10) - plot.px(0)) * 4 - (plot.px(40) - plot.px(0))) < 1e-9)
        var drawing = Drawing(theme, styles: styles)
        chart.draw(plot, into: &drawing)
        let places = zip(
            attributes("cx", of: "circle", in: drawing.svg), attributes("cy", of: "circle", in: drawing.svg))
        let wanted = zip(line.x, line.mean).map { (plot.px($0), plot.py($1)) }
        #expect(Array(places).count == 3)
        for (found, place) in zip(places, wanted) {
            #expect(abs(found.0 - place.0) < 0.06 && abs(found.1 - place.1) < 0.06)
        }
    }

    @Test func `A decade is as high as any other on a logarithmic axis`() throws {
        let line = ChartSeries(
            arm: 0, label: "a", x: [1, 2, 3], mean: [1, 0.1, 0.01], low: [1, 0.1, 0.01], high: [1, 0.1, 0.01])
        let chart = LineChart(title: "t", caption: "", xLabel: "index", isLogY: true, series: [line])
        let plot = try #require(chart.plot(.print, x: 0, y: 0, width: 234, height: 150))
        #expect(abs((plot.py(0.1) - plot.py(1)) - (plot.py(0.01) - plot.py(0.1))) < 1e-9)
        #expect(try #require(Axis(values: [1e-6, 1], isLog: true)).ticks.map(\.label).contains("10⁻⁶"))
    }

    private func forest(_ references: [RowChart.Reference] = []) -> RowChart {
        RowChart(
            title: "t", caption: "", xLabel: "difference (points)", isPercent: true,
            lines: [
                .row(
                    .init(label: "b", paint: .arm(0), value: 0.02, low: -0.01, high: 0.05, numbers: "+2.0 [−1.0, 5.0]")),
                .row(.init(label: "c", paint: .arm(1), value: -0.04, low: -0.05, high: -0.03, numbers: "−4.0")),
            ], references: references)
    }

    @Test(arguments: [ChartTheme.page, .print])
    func `Values, intervals and zero of a forest plot are on one scale`(theme: ChartTheme) throws {
        let chart = forest([.init(label: "raw pixels: +3.0 points", value: 0.03)])
        let layout = try #require(chart.layout(theme, width: 300))
        #expect(layout.px(-0.05) >= layout.left && layout.px(0.05) <= layout.right)
        #expect(abs((layout.px(0.05) - layout.px(0)) - (layout.px(0) - layout.px(-0.05))) < 1e-9)
        #expect(layout.y(0) < layout.y(1) && layout.y(1) < layout.bottom)
        var drawing = Drawing(theme, styles: styles)
        chart.draw(layout, width: 300, into: &drawing)
        let ends = attributes("x1", of: "line", in: drawing.svg)
        for value in [-0.05, -0.03, -0.01, 0, 0.05] {
            #expect(ends.contains { abs($0 - layout.px(value)) < 0.06 }, "\(value) is not where it should be")
        }
        let marker = try #require(attributes("cx", of: "circle", in: drawing.svg).first)
        #expect(abs(marker - layout.px(0.02)) < 0.06)
        #expect(drawing.svg.contains("raw pixels: +3.0 points"))
    }

    @Test func `A floor far away is an arrow at the edge and leaves the scale as it is`() throws {
        let near = try #require(forest().layout(.print, width: 300))
        let far = forest([.init(label: "raw pixels: −60.0 points", value: -0.6)])
        let layout = try #require(far.layout(.print, width: 300))
        #expect(layout.axis.low == near.axis.low && layout.axis.high == near.axis.high)
        var drawing = Drawing(.print, styles: styles)
        far.draw(layout, width: 300, into: &drawing)
        #expect(drawing.svg.contains("raw pixels: −60.0 points"))
    }

    @Test func `Bars begin at zero and end at their value`() throws {
        var chart = forest()
        chart.isBars = true
        chart.lines = [.row(.init(label: "a", paint: .arm(0), value: 0.6, low: 0.5, high: 0.7, points: [0.55, 0.65]))]
        let layout = try #require(chart.layout(.print, width: 234))
        #expect(layout.axis.low == 0)
        var drawing = Drawing(.print, styles: styles)
        chart.draw(layout, width: 234, into: &drawing)
        let bar = try #require(attributes("width", of: "rect", in: drawing.svg).first)
        #expect(abs(bar - (layout.px(0.6) - layout.px(0))) < 0.006)
        let rings = attributes("cx", of: "circle", in: drawing.svg)
        #expect(rings.count == 2)
        for (ring, value) in zip(rings, [0.55, 0.65]) { #expect(abs(ring - layout.px(value)) < 0.006) }
    }

    @Test func `On paper a line has hue and dash of its arm, on the page their class`() {
        func line(_ theme: ChartTheme, _ arm: Int) -> String {
            var drawing = Drawing(theme, styles: styles)
            drawing.polyline([(0, 0), (1, 1)], .arm(arm))
            return drawing.svg
        }
        #expect(line(.print, 0).contains(Palette.onWhite[0]) && !line(.print, 0).contains("dash"))
        #expect(line(.print, 1).contains(Palette.onWhite[1]) && line(.print, 1).contains("stroke-dasharray=\"4 2\""))
        #expect(line(.page, 1) == "<polyline points=\"0,0 1,1\"/>")
        let css = ReportStyle.css(styles)
        #expect(css.contains(".a1{--c:var(--c1);--dash:6.8 3.4}") && css.contains(".a0{--c:var(--c0);--dash:none}"))
    }

    @Test func `Text is cut and broken to the room that there is`() {
        #expect(TextWidth.fitted("short", size: 7, width: 100) == "short")
        let cut = TextWidth.fitted("a very long name of an arm", size: 7, width: 60)
        #expect(cut.hasSuffix("…") && TextWidth.of(cut) * 7 <= 60)
        let lines = TextWidth.wrapped("one two three four five", size: 7, width: 50)
        #expect(lines.count > 1 && lines.joined(separator: " ") == "one two three four five")
        #expect(lines.allSatisfy { TextWidth.of($0) * 7 <= 50 })
    }

    @Test func `Characters that XML cannot hold are replaced`() throws {
        let text = escaped("a\u{1}<b>&\"\u{8}")
        #expect(text == "a\u{FFFD}&lt;b&gt;&amp;&quot;\u{FFFD}")
    }
}
