import Foundation
import TestSupport
import Testing

@testable import Analysis

/// The LaTeX of a table goes through the programs that its users have, whole and without a lost letter.
@Suite struct LaTeXTests {
    static let engines = ["pdflatex", "lualatex"]

    /// Signs that one or the other engine stumbles over, in every place where text of a spec goes.
    private static func table() throws -> ComparisonTable {
        let runs = (0..<4).flatMap { seed in
            let noise = 0.002 * Double(seed * seed % 3)
            return [
                ExperimentFixture.run("ijepa", seed: seed, knn: 0.60 + noise, loss: 1.89e-4),
                ExperimentFixture.run("β=0.1_50%", seed: seed, knn: 0.61 - noise, loss: 2.1e7 + noise),
                ExperimentFixture.run("a|b <c> 漢 é\\x ~^", seed: seed, knn: 0.62, rankme: 1.4, stdMean: 0.001),
            ]
        }
        return try ExperimentFixture.table(
            runs, metrics: ["loss", "knn_20", "rankme", "images_per_second"],
            floors: [PixelFloor(dataset: "fashion_mnist", metrics: ["pixel_knn_20": 0.829])])
    }

    @Test(arguments: engines.filter { path(of: $0) != nil })
    func `Every section compiles, fits its lines and loses no letter`(engine: String) throws {
        let program = try #require(Self.path(of: engine))
        let folder = try TemporaryFolder()
        let table = try Self.table().latex(sections: Set(TableSection.allCases))
        let source = """
            \\documentclass{article}
            \\usepackage{booktabs,graphicx}
            \\begin{document}
            \(table)
            \\end{document}

            """
        try source.write(toFile: folder.file("table.tex"), atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = program
        process.currentDirectoryURL = URL(filePath: folder.path)
        process.arguments = ["-interaction=nonstopmode", "-halt-on-error", "table.tex"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        let bytes = (try? Data(contentsOf: URL(filePath: folder.file("table.log")))) ?? Data()
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        #expect(process.terminationStatus == 0, "\(lines.suffix(20).joined(separator: "\n"))")
        let complaints = lines.filter {
            $0.hasPrefix("!") || $0.contains("Missing character") || $0.hasPrefix("Overfull")
                || $0.contains("Float too large")
        }
        #expect(complaints.isEmpty)
        #expect(FileManager.default.fileExists(atPath: folder.file("table.pdf")))
    }

    private static func path(of program: String) -> URL? {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
            .map { URL(filePath: String($0)).appending(path: program) }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }
}
