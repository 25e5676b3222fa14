import Foundation
import Testing

/// What the READMEs say of results, against the committed tables.
@Suite struct CommittedResultsTests {
    private static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// An interval as text states it, with the number of decimals that it is rounded to.
    struct Stated: CustomTestStringConvertible {
        let file: String
        let low: Double
        let high: Double
        let decimals: Int
        /// The number before it; none where words come between.
        let mean: Double?

        var testDescription: String { "\(file): \(mean.map { "\($0) " } ?? "")[\(low), \(high)]" }

        /// Whether rounding to the stated decimals, once or after rounding to those of a table, gives the number.
        func fits(_ stated: Double, _ stored: Double) -> Bool {
            abs(stated - stored) <= 0.5 * pow(10, -Double(decimals)) + 1e-9
        }
    }

    private static func text(of path: String) throws -> String {
        try String(contentsOf: repository.appending(path: path), encoding: .utf8).replacing("−", with: "-")
            .replacing(/\s+#?\s*/, with: " ")
    }

    private static func intervals(in file: String) throws -> [Stated] {
        try text(of: file).matches(
            of:
                /(?:([+-]?\d+\.\d+)(?: points)?(?:,? (?:95 %|linear|by 20-NN|points))*,? )?\[(-?\d+\.\d+), (-?\d+\.(\d+))\]/
        ).compactMap { match in
            guard let low = Double(match.2), let high = Double(match.3) else { return nil }
            return Stated(
                file: file, low: low, high: high, decimals: match.4.count, mean: match.1.flatMap { Double($0) })
        }
    }

    private static var files: [String] {
        get throws {
            let specs = try FileManager.default.contentsOfDirectory(
                atPath: repository.appending(path: "experiments").path)
            return ["README.md", "results/README.md"]
                + specs.filter { $0.hasSuffix(".spec") }.map { "experiments/\($0)" }
        }
    }

    /// Means and intervals in the tables: of differences, effects and claims.
    private static func rows() throws -> [(mean: Double, low: Double, high: Double)] {
        let folder = repository.appending(path: "results/tables")
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".md") }.flatMap {
            try text(of: "results/tables/\($0)").matches(
                of: /\| +\+?(-?[0-9.]+)(?: \| +|(?: points)?, 95 % )\[(-?[0-9.]+), (-?[0-9.]+)\]/
            )
            .compactMap { match in
                guard let mean = Double(match.1), let low = Double(match.2), let high = Double(match.3) else {
                    return nil
                }
                return (mean, low, high)
            }
        }
    }

    @Test func `every interval that the texts state is in a committed table, with its mean`() throws {
        let rows = try Self.rows()
        #expect(rows.count > 100)
        // Settings in specs, `[0.3, 1.0]`, are intervals to the eye alone: only the heads of specs are looked at.
        let stated = try Self.files.flatMap { file in
            try Self.intervals(in: file).filter { !file.hasSuffix(".spec") || $0.mean != nil }
        }
        #expect(stated.count > 45)
        for interval in stated {
            let isThere = rows.contains { row in
                interval.fits(interval.low, row.low) && interval.fits(interval.high, row.high)
                    && interval.mean.map { interval.fits($0, row.mean) } != false
            }
            #expect(isThere, "no table in results/tables has \(interval.testDescription)")
        }
    }

    @Test func `every table that judges claims says on which encoder`() throws {
        let folder = Self.repository.appending(path: "results/tables")
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where name.hasSuffix(".md") {
            let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
            guard text.contains("| claim ") else { continue }
            #expect(text.contains(/\nClaims of the spec, judged on the (target|context) encoder:\n/), "\(name)")
        }
    }

    @Test func `a mean stands before nearly every interval`() throws {
        // The check above would be blind if the pattern found no means.
        let stated = try Self.intervals(in: "results/README.md")
        #expect(stated.count > 25 && stated.count { $0.mean != nil } > 25)
    }
}
