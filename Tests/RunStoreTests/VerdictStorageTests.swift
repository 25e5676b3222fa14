import Foundation
import RunStore
import TestSupport
import Testing

@Suite struct VerdictStorageTests {
    let folder: TemporaryFolder
    private static let known = ["complete_collapse", "inert_regulariser"]

    init() throws { folder = try TemporaryFolder() }

    private func verdict(step: Int, findings: [StoredVerdict.Finding]) -> StoredVerdict {
        StoredVerdict(
            verdict: findings.isEmpty ? "healthy" : findings.map(\.words).joined(separator: ", "), step: step,
            findings: findings, thresholds: ["rank_share": 0.05, "gradient": 0.01])
    }

    @Test func aVerdictAndItsHistoryAreReadBack() throws {
        let path = folder.file("run.h5")
        let writer = try SampleRun.writer(at: path)
        writer.append(verdict(step: 0, findings: []), known: Self.known)
        let last = verdict(
            step: 4,
            findings: [
                .init(name: "complete_collapse", onsetStep: 2, evidence: "target: rankme 1.4 < 2"),
                .init(name: "inert_regulariser", onsetStep: 4, evidence: "0.001 < 0.01"),
            ])
        writer.append(verdict(step: 2, findings: [last.findings[0]]), known: Self.known)
        writer.append(last, known: Self.known)
        try writer.commit()
        let file = try RunFile(path: path)
        #expect(try file.verdict() == last)
        let table = try file.table("verdict")
        #expect(table["step"] == [0, 2, 4] && table["complete_collapse"] == [0, 1, 1])
        #expect(table["inert_regulariser"] == [0, 0, 1])
        #expect(try file.attributes(of: "verdict")["threshold_rank_share"] == 0.05)
        #expect(last.findings.map(\.words) == ["complete collapse", "inert regulariser"])
        // A run that goes on from an earlier step forgets later rows, and replaces the verdict at its next diagnosis.
        let resumed = try RunWriter.resume(at: path, keepingThroughStep: 2)
        resumed.append(verdict(step: 3, findings: []), known: Self.known)
        try resumed.commit()
        #expect(try RunFile(path: path).verdict() == verdict(step: 3, findings: []))
        #expect(try RunFile(path: path).table("verdict")["step"] == [0, 2, 3])
    }

    @Test func filesWithoutOneSaySo() throws {
        let path = folder.file("run.h5")
        try SampleRun.writer(at: path).commit()
        #expect(try RunFile(path: path).verdict() == nil)
    }

    @Test(
        "every column of the diagnostics has a convention that names its rows and its source",
        arguments: ["target/images", "context/patches", "predictions/within"])
    func conventions(table: String) throws {
        for column in ["rankme", "live_directions", "std_mean", "uniformity", "singular_values"] {
            let text = try #require(MetricConvention.of(table: "diagnostics/\(table)", column: column)?.text)
            #expect(text.contains("rows are") && text.contains("test images"), "\(column): \(text)")
        }
        for column in ["rows", "width", "step"] {
            #expect(MetricConvention.of(table: "diagnostics/\(table)", column: column) != nil)
        }
        for column in ["feature_cosine", "weight_distance", "weight_distance_by_layer", "target_movement"] {
            #expect(MetricConvention.of(table: "diagnostics/encoders", column: column) != nil)
        }
        for column in ["loss", "predictor_r2", "predictor_r2_position"] {
            #expect(MetricConvention.of(table: "diagnostics/predictor", column: column) != nil)
        }
        for column in ["prediction_encoder", "regulariser_predictor", "covariance_encoder"] {
            #expect(MetricConvention.of(table: "gradients", column: column)?.text.contains("gradient of") == true)
        }
        #expect(MetricConvention.of(table: "gradients", column: "other_encoder") == nil)
        #expect(MetricConvention.of(table: "diagnostics/target/other", column: "rankme") == nil)
        #expect(MetricConvention.of(table: "evaluation/target", column: "loss") == nil)
    }
}
