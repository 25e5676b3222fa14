package import Foundation
package import RunStore

/// Where runs go before they are gone for good: `<experiment>/.trash/<time>/<run's folder>`.
///
/// On the same file system as the experiment, so that moving is one rename, whatever the size.
package struct ExperimentTrash: Sendable {
    package let path: String

    package init(of folder: ExperimentFolder) {
        path = folder.path + "/.trash"
    }

    /// Folders of runs that were thrown away, oldest first.
    package var contents: [String] {
        let files = FileManager.default
        return ((try? files.contentsOfDirectory(atPath: path)) ?? []).sorted().flatMap { time in
            ((try? files.contentsOfDirectory(atPath: path + "/" + time)) ?? []).sorted()
                .map { "\(path)/\(time)/\($0)" }
        }
    }

    /// Moves a run's folder here.
    ///
    /// - Returns: Where it lies now.
    /// - Throws: `OrchestrationError` where the system refuses; the run is where it was then.
    @discardableResult
    package func move(_ directory: RunDirectory, at time: Date = Date()) throws -> String {
        let files = FileManager.default
        let stamp = time.formatted(
            Date.ISO8601FormatStyle(dateSeparator: .omitted, dateTimeSeparator: .standard, timeSeparator: .omitted))
        // A run that is thrown away twice within a second gets a place of its own.
        var place = "\(path)/\(stamp)"
        var number = 1
        while files.fileExists(atPath: place + "/" + directory.name) {
            number += 1
            place = "\(path)/\(stamp)-\(number)"
        }
        do {
            try files.createDirectory(atPath: place, withIntermediateDirectories: true)
            try files.moveItem(atPath: directory.path, toPath: place + "/" + directory.name)
        } catch {
            throw OrchestrationError(
                .system, path: directory.path, message: "cannot be moved to \(place) (\(error.localizedDescription))",
                remedy: "make the experiment's folder writable")
        }
        return place + "/" + directory.name
    }

    /// Deletes what lies here.
    ///
    /// - Throws: `OrchestrationError` where the system refuses.
    package func empty() throws {
        guard FileManager.default.fileExists(atPath: path) else { return }
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            throw OrchestrationError(
                .system, path: path, message: "cannot be removed (\(error.localizedDescription))",
                remedy: "make it writable, or remove it by hand")
        }
    }
}
