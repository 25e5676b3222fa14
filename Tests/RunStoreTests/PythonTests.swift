import Foundation
import HDF5
import RunStore
import TestSupport
import Testing

/// Run files in the hands of Python: h5py reads them, and what h5py writes is read here.
@Suite struct PythonTests {
    static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    /// Where `make test` puts hdf5plugin: Debian's package of it comes without zstd.
    static let plugins = repository.appendingPathComponent(".build/python").path

    static var hasPlugin: Bool { FileManager.default.fileExists(atPath: plugins + "/hdf5plugin") }

    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Runs one test case of Tests/Python/test_run_file.py on a sample run and returns what it writes.
    private func runPython(_ testCase: String, pythonPath: String?) throws -> HDF5Group {
        let writer = try SampleRun.writer(at: folder.file("run.h5"))
        writer.header.status = .done
        try writer.commit()

        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = [
            Self.repository.appendingPathComponent("Tests/Python/test_run_file.py").path, "-v", testCase,
        ]
        var environment = ProcessInfo.processInfo.environment
        environment["RUN_FILE"] = folder.file("run.h5")
        environment["PYTHON_FILE"] = folder.file("python.h5")
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        environment["PYTHONPATH"] = pythonPath
        process.environment = environment
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        do {
            try process.run()
        } catch {
            Issue.record("/usr/bin/python3 does not start (\(error)): install python3, python3-h5py, or run make test")
            throw error
        }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "python3 \(testCase):\n\(text)")
        #expect(text.contains("OK") && !text.contains("skipped"), "\(text)")
        return try HDF5File(reading: folder.file("python.h5")).root
    }

    private func checkArrays(in root: HDF5Group) throws {
        let ramp = try root.dataset("embeddings/ramp")
        #expect(try ramp.shape() == [300, 40])
        #expect(try ramp.read() == (0..<12_000).map { Float($0) / 8 })
        #expect(try ramp.filters().map(\.identifier).contains(32015))
        #expect(try root.attributes.read("title") == .string("größe"))
        #expect(try root.attributes.read("fixed") == .string("abc"))
        #expect(try root.attributes.read("count") == .integer(5))
        #expect(try root.attributes.read("ratios") == .doubles([0.5, 0.25]))
        #expect(try root.dataset("words").readStrings() == ["eins", "zwölf"])
        #expect(try root.dataset("bytes").readStrings() == ["eins", "drei"])
        #expect(try root.dataset("integers").read() == [1, -2, 3] as [Int32])
    }

    @Test func h5pyReadsARunFileAndIsRead() throws {
        try checkArrays(in: runPython("RunFileWithoutPlugin", pythonPath: nil))
    }

    @Test(.enabled(if: hasPlugin, "hdf5plugin is not in .build/python: run make test once with a network"))
    func hdf5pluginReadsAndWritesTheSameFilter() throws {
        try checkArrays(in: runPython("RunFileWithPlugin", pythonPath: Self.plugins))
    }
}
