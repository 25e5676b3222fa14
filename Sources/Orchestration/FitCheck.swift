package import ExperimentSpec
import Foundation
import RunStore

/// The most memory that one run can get, and what sets it.
package struct MemoryLimit: Hashable, Sendable {
    package enum Source: Hashable, Sendable {
        case machine
        case controlGroup
        /// `ulimit -v`; counts for each process by itself.
        case addressSpace
        /// `resources.memory_gib`.
        case specification
    }

    package var source: Source
    package var bytes: Int

    package init(_ source: Source, bytes: Int) { (self.source, self.bytes) = (source, bytes) }
}

/// What runs have to fit into.
package struct ResourceLimits: Hashable, Sendable {
    /// Those that hold together; none: memory is not compared.
    package var memory: [MemoryLimit]
    /// Free bytes below a folder; nil where that is unknown, and not compared.
    package var freeDiskBytes: Int?

    /// Nothing is compared.
    package static let none = ResourceLimits(memory: [], freeDiskBytes: nil)

    package init(memory: [MemoryLimit], freeDiskBytes: Int?) {
        self.memory = memory
        self.freeDiskBytes = freeDiskBytes
    }

    /// Of this machine, for results in a folder; a spec that says how much memory there is wins over the machine.
    package static func ofMachine(for experiment: Experiment, results folder: ExperimentFolder) -> ResourceLimits {
        let said = experiment.runs.compactMap(\.configuration.resources.memoryGiB).min()
        let memory = said.map { MemoryLimit(.specification, bytes: Int(min($0 * 1_073_741_824, 1e18))) }
        let space = Machine.addressSpaceLimit.map { MemoryLimit(.addressSpace, bytes: $0) }
        return ResourceLimits(
            memory: [memory ?? Machine.memoryLimit] + (space.map { [$0] } ?? []),
            freeDiskBytes: Machine.freeDiskBytes(at: folder.path))
    }
}

/// Whether the runs that are still to do can fit into memory and onto the disk at all, by their predicted cost.
///
/// What fits only while nothing else runs is no reason to refuse: runs that are short of free memory run one by one, and
/// a run waits where the disk is full.
package struct FitCheck {
    /// What does not fit, with numbers and remedy; empty where all does.
    package let problems: [OrchestrationError]
    /// Whether every run fits into memory, so that steps of it may be tried.
    package let fitsMemory: Bool
    /// The least disk space that the runs take besides what they have: what stays of each, and what the largest
    /// takes on top while it trains.
    package let diskBytes: Int

    /// - Parameters:
    ///   - starting: Runs that will start, with their cost.
    ///   - place: What a problem is about, for messages: the spec.
    ///   - folder: Where the results go.
    package init(
        _ starting: [(run: PreparedRun, cost: CostEstimate)], limits: ResourceLimits, place: String,
        folder: ExperimentFolder
    ) {
        let memory = limits.memory.compactMap { Self.problem(with: starting, beyond: $0, place: place) }
        fitsMemory = memory.isEmpty
        diskBytes = Self.diskBytes(of: starting)
        // One reason is enough: a run that exceeds the machine exceeds any smaller limit too.
        var problems = memory.prefix(1).map { $0 }
        if let free = limits.freeDiskBytes, diskBytes > free {
            problems.append(
                OrchestrationError(
                    .tooLarge, path: folder.path,
                    message: "results and checkpoints of \(counted(starting.count, "run")) need about "
                        + "\(Quantity.bytes(diskBytes)) of disk space, but only \(Quantity.bytes(free)) are free",
                    remedy: "free some space, choose another folder with --results, keep fewer checkpoints "
                        + "(resources.checkpoints_kept) or embeddings (diagnostics.store_embeddings), or train fewer "
                        + "runs (--only)"))
        }
        self.problems = problems
    }

    /// - Throws: `FitError` where something does not fit.
    package func require() throws {
        if !problems.isEmpty { throw FitError(problems: problems) }
    }

    private static func problem(
        with starting: [(run: PreparedRun, cost: CostEstimate)], beyond limit: MemoryLimit, place: String
    ) -> OrchestrationError? {
        let needs = starting.map { item -> (name: String, bytes: Int) in
            let processes = limit.source == .addressSpace ? item.run.run.configuration.resources.ranks : 1
            return (item.run.run.name, item.cost.memoryBytes / max(1, processes))
        }
        let tooLarge = needs.filter { $0.bytes > limit.bytes }
        guard let largest = tooLarge.max(by: { $0.bytes < $1.bytes }) else { return nil }
        let others = tooLarge.count - 1
        let who =
            others == 0
            ? "\(largest.name) needs about \(Quantity.bytes(largest.bytes)) of memory"
            : "\(largest.name) and \(counted(others, "other run")) need up to about \(Quantity.bytes(largest.bytes)) of "
                + "memory each"
        let smaller = "use a smaller model or batch, or split the batch into rounds (resources.accumulate)"
        let allowed = Quantity.bytes(limit.bytes)
        let (what, remedy): (String, String) =
            switch limit.source {
            case .machine:
                ("this machine has \(allowed)", "\(smaller); or train on a machine with more memory")
            case .controlGroup:
                ("the control group of this process allows \(allowed)", "\(smaller); or raise that limit")
            case .addressSpace:
                ("the limit of address space (ulimit -v) is \(allowed)", "\(smaller); or raise that limit")
            case .specification:
                ("resources.memory_gib allows \(allowed)", "\(smaller); or raise resources.memory_gib")
            }
        return OrchestrationError(.tooLarge, path: place, message: "\(who), but \(what)", remedy: remedy)
    }

    private static func diskBytes(of starting: [(run: PreparedRun, cost: CostEstimate)]) -> Int {
        let kept = starting.reduce(0.0) { $0 + Double($1.cost.storedBytes) }
        let onTop = starting.map { Double($0.cost.diskBytes - $0.cost.storedBytes) }.max() ?? 0
        let present = starting.reduce(0.0) { sum, item in
            // Runs that start over leave what they had in the trash.
            guard case .resume = item.run.decision else { return sum }
            return sum + Double(item.run.directory.byteCount)
        }
        return Int(min(max(0, kept + onTop - present), 1e18))
    }
}

/// Runs that cannot fit: nothing was started.
package struct FitError: Error, Hashable, Sendable {
    package let problems: [OrchestrationError]
}
