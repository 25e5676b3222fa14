import ExperimentSpec
import Foundation

/// How many runs go at once, chosen by what was measured: many small ones side by side, or one after the other with all
/// cores.
package struct ScheduleChoice: Encodable, Hashable, Sendable {
    /// So many runs at once, so many threads each.
    package struct Layout: Encodable, Hashable, Sendable {
        package var workers: Int
        package var threads: Int
        /// All of them together, measured.
        package var imagesPerSecond: Double
        /// Predicted time of all training steps in this layout, started as `SlotPlanner` starts runs. It compares
        /// layouts; evaluations and whatever else a run does come on top.
        package var stepSeconds: Double
        package var isChosen: Bool
    }

    /// The run whose steps were timed: that with the most work.
    package var measuredOn: String
    /// One by one with all cores first.
    package var layouts: [Layout]
    /// Images per second of that run alone with one thread.
    package var aloneImagesPerSecond: Double

    package var chosen: Layout { layouts.first(where: \.isChosen) ?? layouts[0] }

    /// Time one by one over time in the chosen layout: 1 where that is one by one.
    package var gain: Double { layouts[0].stepSeconds / chosen.stepSeconds }

    /// Layouts worth measuring: one by one, and doubling from there up to one run a core; none where there is nothing
    /// to choose, because numbers are given or only one run fits or is left.
    package static func candidates(_ demands: [Demand], capacity: Capacity) -> [(workers: Int, threads: Int)] {
        guard demands.count > 1, capacity.workers == nil, capacity.threads == nil,
            demands.allSatisfy({ $0.threads == nil })
        else { return [] }
        var planner = SlotPlanner(capacity: capacity)
        let most = planner.start(demands).count
        guard most > 1 else { return [] }
        var counts = [1]
        while let last = counts.last, last * 2 < most { counts.append(last * 2) }
        counts.append(most)
        return counts.map { ($0, max(1, capacity.cores / $0)) }
    }

    /// Of layouts that end within this factor of the first, the one with more runs at once is taken: only steps are
    /// timed, while reading, probes and writing, which do not use all cores, overlap where runs go side by side; and a
    /// machine that does other work too measures no better than that.
    static let margin = 1.1

    /// Chooses the layout in which the matrix ends first, within `margin`.
    ///
    /// - Parameters:
    ///   - work: Images of each run, in units of the measured run's.
    ///   - measured: Images per second of each candidate, one by one first.
    package init(
        measuredOn: String, aloneImagesPerSecond: Double, demands: [Demand], work: [Double], capacity: Capacity,
        measured: [(workers: Int, threads: Int, imagesPerSecond: Double)]
    ) {
        precondition(!measured.isEmpty, "no layout was measured")
        self.measuredOn = measuredOn
        self.aloneImagesPerSecond = aloneImagesPerSecond
        layouts = measured.map {
            Layout(
                workers: $0.workers, threads: $0.threads, imagesPerSecond: $0.imagesPerSecond, stepSeconds: 0,
                isChosen: false)
        }
        let rates = self
        for index in layouts.indices {
            var capacity = capacity
            capacity.preferredWorkers = layouts[index].workers
            layouts[index].stepSeconds = SlotPlanner.predictedSeconds(
                demands, seconds: work.map { $0 / aloneImagesPerSecond }, capacity: capacity,
                speedup: rates.speedup)
        }
        let shortest = layouts.map(\.stepSeconds).min() ?? 0
        let good = layouts.indices.filter { layouts[$0].stepSeconds <= Self.margin * shortest }
        let best = good.max { layouts[$0].workers < layouts[$1].workers }
        layouts[best ?? 0].isChosen = true
    }

    /// How much faster than alone with one thread a run is with `threads` threads, when the machine is full: that of
    /// the measured layout with the nearest number of threads.
    package func speedup(threads: Int) -> Double {
        let nearest = layouts.min { abs($0.threads - threads) < abs($1.threads - threads) } ?? layouts[0]
        return nearest.imagesPerSecond / Double(nearest.workers) / aloneImagesPerSecond
    }

    /// "2 at once with 1 thread each: 812 images/s (chosen); one by one with 2 threads: 640 images/s"; no times, which
    /// would be those of steps alone.
    package var text: String {
        let parts = layouts.reversed().map { layout in
            let threads = counted(layout.threads, "thread")
            let how =
                layout.workers == 1 ? "one by one with \(threads)" : "\(layout.workers) at once with \(threads) each"
            return "\(how): \(Quantity.significant(layout.imagesPerSecond)) images/s"
                + (layout.isChosen ? " (chosen)" : "")
        }
        return "measured on \(measuredOn): " + parts.joined(separator: "; ")
    }
}
