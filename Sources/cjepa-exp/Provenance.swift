import ArgumentParser
import ExperimentSpec
import Foundation
import HDF5
import ImageCodecs
import Orchestration
import RunStore

/// Where a run's numbers come from.
enum Provenance {
    /// Entries of the results' provenance group.
    static func entries(
        plan: RunPlan, backend: String, threads: Int, ranks: Int, startedAt: Date, attempt: Int
    ) -> [String: AttributeValue] {
        var entries: [String: AttributeValue] = [
            "program_version": .string(CJEPAExp.configuration.version),
            "source_revision": .string(plan.sourceRevision ?? "unknown"),
            "spec_path": .string(plan.specPath),
            "host": .string(Machine.hostName),
            "operating_system": .string(ProcessInfo.processInfo.operatingSystemVersionString),
            "processor": .string(processorName()),
            "cores": .integer(Machine.cores),
            "threads": .integer(threads),
            "ranks": .integer(ranks),
            "accumulate": .integer(plan.run.configuration.resources.accumulate),
            "shards": .integer(plan.run.configuration.resources.shards),
            "loader_threads": plan.run.configuration.resources.loaderThreads.map { .integer($0) } ?? "auto",
            "back_end": .string(backend),
            "precision": .string(plan.run.configuration.training.precision.rawValue),
            "hdf5_version": .string(HDF5File.libraryVersion),
            "zstd_version": .string(HDF5File.compressionVersion),
            "jpeg_version": .string(CodecVersions.jpeg),
            "png_version": .string(CodecVersions.png),
            "webp_version": .string(CodecVersions.webp),
            "started_at": .string(startedAt.ISO8601Format()),
            "attempts": .integer(attempt),
            "exit_reason": "running",
        ]
        entries["command"] = .string(CommandLine.arguments.joined(separator: " "))
        return entries
    }

    static func processorName() -> String {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        for line in text.split(separator: "\n") where line.hasPrefix("model name") {
            if let name = line.split(separator: ":", maxSplits: 1).last {
                return name.trimmingCharacters(in: .whitespaces)
            }
        }
        return "unknown"
    }
}
