import Diagnostics
import Testing

@Suite struct CollapseVerdictTests {
    private func verdict(rankMe: Double, std: Double) -> CollapseVerdict {
        CollapseVerdict(
            rankMe: rankMe, columns: 100, meanStandardDeviation: std, rankShare: 0.05, standardDeviation: 0.02)
    }

    @Test func healthyFeaturesHaveNoEvidence() {
        #expect(!verdict(rankMe: 23, std: 0.5).isCollapsed)
        #expect(verdict(rankMe: 23, std: 0.5).description == "healthy")
    }

    @Test func eachMeasureIsEvidenceAlone() {
        #expect(verdict(rankMe: 2, std: 0.5).evidence == [.lowRank(share: 0.02, threshold: 0.05)])
        #expect(verdict(rankMe: 40, std: 0.01).evidence == [.lowStandardDeviation(0.01, threshold: 0.02)])
        #expect(verdict(rankMe: 1.4, std: 0.01).evidence.count == 2)
    }

    @Test func descriptionNamesTheEvidence() {
        #expect(
            verdict(rankMe: 1.4, std: 0.0123).description == "collapsed (RankMe/D 0.014 < 0.05, mean std 0.012 < 0.02)")
    }

    @Test("a NaN is never healthy", arguments: [(Double.nan, 1.0), (5.0, .nan), (.infinity, 1.0)])
    func nonFinite(rankMe: Double, std: Double) {
        #expect(verdict(rankMe: rankMe, std: std).isNonFinite)
        #expect(verdict(rankMe: rankMe, std: std).isCollapsed)
    }

    @Test("golden matrices are told apart", arguments: [("healthy", false), ("collapsed", true)])
    func golden(name: String, isCollapsed: Bool) throws {
        let features = try #require(try GoldenDiagnostics().matrices[name])
        let diagnostics = FeatureDiagnostics(features, scope: .essential)
        let verdict = CollapseVerdict(diagnostics, rankShare: 0.05, standardDeviation: 0.02)
        #expect(verdict.isCollapsed == isCollapsed, "\(verdict)")
    }
}
