import ExperimentSpec
import Foundation
import RunStore
import Safetensors
import TestSupport
import Testing

@testable import Analysis

/// Files that grow while a run trains say what the run holds, also after it was interrupted.
@Suite struct LiveMetricsTests {
    private final class Warnings {
        var texts: [String] = []
    }

    private static let start = Date(timeIntervalSince1970: 1_700_000_000.75)

    /// Steps 1 to `steps` of half a second each, and an evaluation of every second step from 0 on.
    private func tables(steps: Int) -> [String: MetricTable] {
        let all = steps > 0 ? Array(1...steps) : []
        let evaluated = Array(stride(from: 0, through: steps, by: 2))
        return [
            "steps": MetricTable(columns: [
                ("step", all.map(Double.init)),
                ("loss", all.map { $0 == 2 ? .nan : $0 == 3 ? .infinity : 1 / Double($0) }),
                ("step_seconds", all.map { _ in 0.5 }),
            ]),
            "evaluation/target": MetricTable(columns: [
                ("step", evaluated.map(Double.init)), ("knn_20", evaluated.map { Double($0) / 10 }),
            ]),
            "linear_heads/target": MetricTable(columns: [("step", [0, 0]), ("head", [1, 2])]),
        ]
    }

    private func live(
        in folder: String, step: Int = 0, _ tables: [String: MetricTable], warnings: Warnings = Warnings()
    ) throws -> LiveMetrics {
        var resources = ResourceConfiguration()
        resources.tensorboard = true
        resources.jsonLines = true
        return try #require(
            LiveMetrics(
                resources, in: RunDirectory(path: folder), startedAt: Self.start, step: step, tables: tables
            ) { warnings.texts.append($0) })
    }

    private func lines(in folder: String) throws -> String {
        try String(contentsOfFile: folder + "/live/metrics.jsonl", encoding: .utf8)
    }

    private func eventFiles(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder + "/live").filter { $0.contains("tfevents") }
            .sorted()
    }

    private func events(_ file: String, in folder: String) throws -> [ReadEvent] {
        try EventReader.events(Data(contentsOf: URL(fileURLWithPath: "\(folder)/live/\(file)")))
    }

    /// What the export gives for the same tables.
    private func exported(_ tables: [String: MetricTable], in folder: String) throws -> [String: Float] {
        let run = MetricExport.Run(name: "r", arm: "a", seed: 0, startedAt: 1_700_000_000, tables: tables)
        _ = try MetricExport(runs: [run]).write(.tensorboard, to: folder + "/export", replacing: true)
        return try EventReader.scalars(inFolder: folder + "/export/r")
    }

    @Test func `Nothing is written unless it is asked for`() throws {
        try inTemporaryFolder { folder in
            let live = LiveMetrics(
                ResourceConfiguration(), in: RunDirectory(path: folder), startedAt: Self.start, step: 0, tables: [:]
            ) { _ in }
            #expect(live == nil && !FileManager.default.fileExists(atPath: folder + "/live"))
        }
    }

    @Test func `Lines come by step, with null and texts for numbers that JSON lacks`() throws {
        try inTemporaryFolder { folder in
            let live = try live(in: folder, [:])
            #expect(try lines(in: folder).isEmpty)
            live.write(tables(steps: 1))
            live.write(tables(steps: 3))
            live.write(tables(steps: 3))
            #expect(
                try lines(in: folder) == """
                    {"step":0,"table":"evaluation/target","knn_20":0.0}
                    {"step":1,"table":"steps","loss":1.0,"step_seconds":0.5}
                    {"step":2,"table":"steps","loss":null,"step_seconds":0.5}
                    {"step":2,"table":"evaluation/target","knn_20":0.2}
                    {"step":3,"table":"steps","loss":"inf","step_seconds":0.5}

                    """)
        }
    }

    @Test func `Events have the tags, values and times of the export`() throws {
        try inTemporaryFolder { folder in
            let live = try live(in: folder, [:])
            for steps in [1, 2, 5] { live.write(tables(steps: steps)) }
            #expect(try EventReader.scalars(inFolder: folder + "/live") == exported(tables(steps: 5), in: folder))
            let files = try eventFiles(in: folder)
            #expect(files.count == 1)
            let events = try events(files[0], in: folder)
            #expect(events[0].fileVersion == "brain.Event:2")
            #expect(events[1].isSessionStart && events[1].step == 0)
            let export = try EventReader.events(
                Data(contentsOf: URL(fileURLWithPath: folder + "/export/r/events.out.tfevents.cjepa-exp")))
            // The export has no sessions.
            #expect(Array(events.dropFirst(2)) == Array(export.dropFirst()))
            #expect(events.last?.wallTime == 1_700_000_002.5)
        }
    }

    @Test func `A run that resumes cuts back what it had written of later steps`() throws {
        try inTemporaryFolder { folder in
            try live(in: folder, [:]).write(tables(steps: 5))
            let before = try lines(in: folder)
            // A line that a crash cut off.
            try Data((before + "{\"step\":6,\"ta").utf8).write(
                to: URL(fileURLWithPath: folder + "/live/metrics.jsonl"))
            let resumed = try live(in: folder, step: 2, tables(steps: 2))
            // What is left is the beginning of what was there, so that a reader need not begin anew.
            let cut = try lines(in: folder)
            #expect(before.hasPrefix(cut) && cut.hasSuffix("\"knn_20\":0.2}\n"))
            var again = tables(steps: 4)
            again["steps"] = MetricTable(columns: [
                ("step", [1, 2, 3, 4]), ("loss", [1, .nan, 30, 40]), ("step_seconds", [0.5, 0.5, 2, 2]),
            ])
            resumed.write(again)
            #expect(try lines(in: folder).contains("{\"step\":3,\"table\":\"steps\",\"loss\":30.0"))
            #expect(try !lines(in: folder).contains("\"step\":5"))

            let files = try eventFiles(in: folder)
            #expect(files.count == 2)
            let events = try events(files[1], in: folder)
            #expect(events[1].isSessionStart && events[1].step == 3)
            #expect(events.dropFirst(2).map(\.step) == [3, 4, 4])
            #expect(events.last?.wallTime == 1_700_000_005)
            #expect(try EventReader.scalars(inFolder: folder + "/live") == exported(again, in: folder))
        }
    }

    @Test func `Files asked for in the middle of a run begin with its beginning`() throws {
        try inTemporaryFolder { folder in
            try live(in: folder, step: 3, tables(steps: 3)).write(tables(steps: 4))
            #expect(try lines(in: folder).split(separator: "\n").count == 7)
            #expect(try EventReader.scalars(inFolder: folder + "/live") == exported(tables(steps: 4), in: folder))
        }
    }

    @Test func `A run that begins anew voids the events of an attempt without a checkpoint`() throws {
        try inTemporaryFolder { folder in
            try live(in: folder, [:]).write(tables(steps: 5))
            // Named like one of a clock that went ahead.
            let files = try eventFiles(in: folder)
            try FileManager.default.moveItem(
                atPath: "\(folder)/live/\(files[0])",
                toPath: folder + "/live/events.out.tfevents.9999999990.cjepa-exp")
            try live(in: folder, [:]).write(tables(steps: 1))
            #expect(try eventFiles(in: folder).last == "events.out.tfevents.9999999991.cjepa-exp")
            #expect(try EventReader.scalars(inFolder: folder + "/live") == exported(tables(steps: 1), in: folder))
            #expect(try lines(in: folder).split(separator: "\n").count == 2)
        }
    }

    @Test func `What cannot be written is said once and made up for`() throws {
        try inTemporaryFolder { folder in
            try Data().write(to: URL(fileURLWithPath: folder + "/live"))
            let warnings = Warnings()
            let live = try live(in: folder, [:], warnings: warnings)
            live.write(tables(steps: 1))
            live.write(tables(steps: 2))
            #expect(warnings.texts.count == 1 && warnings.texts[0].contains(folder + "/live"))
            try FileManager.default.removeItem(atPath: folder + "/live")
            OwnFile.$device.withValue("/dev/full") { live.write(tables(steps: 3)) }
            live.write(tables(steps: 4))
            #expect(try lines(in: folder).split(separator: "\n").count == 7)
            #expect(try EventReader.scalars(inFolder: folder + "/live") == exported(tables(steps: 4), in: folder))
            #expect(warnings.texts.count == 1)
        }
    }
}
