import Foundation
import Testing

/// The built program, run as a user runs it.
struct Program {
    var status: Int32
    var output: String
    var error: String

    /// Root of the repository.
    static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    /// Beside the test bundle, in the same build configuration.
    static var path: String {
        let test = FileManager.default.currentDirectoryPath
        let candidates = [
            Bundle.main.executableURL, Bundle.main.bundleURL, URL(fileURLWithPath: CommandLine.arguments[0]),
        ]
        .compactMap { $0 }
        .flatMap { [$0, $0.deletingLastPathComponent()] }
        .map { $0.appendingPathComponent("cjepa-exp").path }
        return candidates.first {
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: $0, isDirectory: &isFolder) && !isFolder.boolValue
        } ?? test + "/.build/debug/cjepa-exp"
    }

    /// - Parameters:
    ///   - executable: Another program instead.
    ///   - folder: Working directory; the repository by default.
    ///   - whileRunning: Called with the process once it runs, and the file that its standard error goes to.
    static func run(
        _ arguments: [String], executable: String = path, in folder: String = repository,
        environment: [String: String] = [:],
        whileRunning: (_ process: Process, _ errorFile: String) throws -> Void = { _, _ in }
    ) throws -> Program {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        // Files, because two pipes that are read one after the other can fill up.
        let scratch = try TemporaryFolder()
        let (outputFile, errorFile) = (scratch.path + "/output", scratch.path + "/error")
        for file in [outputFile, errorFile] { try Data().write(to: URL(fileURLWithPath: file)) }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: outputFile))
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: errorFile))
        try process.run()
        try whileRunning(process, errorFile)
        process.waitUntilExit()
        return Program(
            status: process.terminationStatus,
            output: try String(contentsOfFile: outputFile, encoding: .utf8),
            error: try String(contentsOfFile: errorFile, encoding: .utf8))
    }

    /// Standard output as a JSON object.
    func json() throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
    }
}

/// A folder that goes away with its owner.
final class TemporaryFolder {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("commands-\(UUID())").path

    init() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Writes a file and returns its path.
    func write(_ text: String, to name: String) throws -> String {
        try text.write(toFile: path + "/" + name, atomically: true, encoding: .utf8)
        return path + "/" + name
    }
}
