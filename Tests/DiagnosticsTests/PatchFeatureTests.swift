import Diagnostics
import TensorCore
import Testing

@Suite struct PatchFeatureTests {
    @Test("a choice holds as many different patches as asked for, in order, and finds them by image")
    func choice() {
        let choice = PatchChoice(images: 40, patchesPerImage: 9, rows: 100, seed: 3)
        #expect(choice.places.count == 100 && Set(choice.places).count == 100)
        #expect(choice.places == choice.places.sorted())
        #expect(choice.places.allSatisfy { $0 >= 0 && $0 < 360 })
        var seen = 0
        for image in 0..<40 {
            for row in choice.rows(ofImage: image) {
                #expect(choice.places[row] / 9 == image && choice.patch(ofRow: row) == choice.places[row] % 9)
                seen += 1
            }
        }
        #expect(seen == 100)
        #expect(choice == PatchChoice(images: 40, patchesPerImage: 9, rows: 100, seed: 3))
        #expect(choice.places != PatchChoice(images: 40, patchesPerImage: 9, rows: 100, seed: 4).places)
        #expect(PatchChoice(images: 4, patchesPerImage: 9, rows: 1000, seed: 3).places == Array(0..<36))
    }

    @Test("every patch is as likely as any other")
    func uniformChoice() {
        var counts = [Int](repeating: 0, count: 20)
        for seed in 0..<2000 {
            for place in RandomStream.distinct(5, below: 20, seed: UInt64(seed)) { counts[place] += 1 }
        }
        // 500 expected each, standard deviation 19.4.
        #expect(counts.allSatisfy { abs($0 - 500) <= 100 }, "\(counts)")
    }

    /// [images, patches, columns]: image part + patch part, standard deviations as given.
    private func tokens(images: Int, patches: Int, columns: Int, between: Float, within: Float) -> [Float] {
        var stream = RandomStream(seed: 8, purpose: .tests)
        return (0..<images).flatMap { _ in
            let image = (0..<columns).map { _ in between * Float(stream.normal()) }
            return (0..<patches).flatMap { _ in image.map { $0 + within * Float(stream.normal()) } }
        }
    }

    @Test func residualsAreThePatchesMinusTheirImagesMean() {
        let tokens = tokens(images: 6, patches: 5, columns: 3, between: 2, within: 1)
        let pooled = FeatureMatrix.pooled(tokens, images: 6, patches: 5, columns: 3)
        let choice = PatchChoice(images: 6, patchesPerImage: 5, rows: 30, seed: 1)
        let features = PatchFeatures(tokens, pooled: pooled, choice: choice)
        #expect(features.patches.values == tokens)
        for image in 0..<6 {
            for j in 0..<3 {
                let sum = (0..<5).reduce(Float(0)) { $0 + features.residuals.values[(image * 5 + $1) * 3 + j] }
                #expect(abs(sum) <= 1e-5)
            }
        }
    }

    @Test func varianceRatioIsThatOfTheParts() {
        let tokens = tokens(images: 4000, patches: 6, columns: 4, between: 3, within: 1.5)
        let pooled = FeatureMatrix.pooled(tokens, images: 4000, patches: 6, columns: 4)
        let choice = PatchChoice(images: 4000, patchesPerImage: 6, rows: 8000, seed: 1)
        let ratio = VarianceRatio(images: pooled, patches: PatchFeatures(tokens, pooled: pooled, choice: choice))
        // The means keep a sixth of the variance within images.
        #expect(abs(ratio.between - 4 * (9 + 2.25 / 6)) <= 0.05 * 37.5)
        #expect(abs(ratio.within - 4 * 2.25) <= 0.03 * 9)
    }

    @Test func patchesThatAreAllAlikeMakeTheRatioInfiniteAndNaNIsNotSwallowed() {
        let pooled = FeatureMatrix(rows: 2, columns: 1, values: [1, 2])
        let same = PatchFeatures(
            patches: pooled, residuals: FeatureMatrix(rows: 2, columns: 1, values: [0, 0]), patchesPerImage: 4)
        #expect(VarianceRatio(images: pooled, patches: same).value == .infinity)
        let broken = FeatureMatrix(rows: 2, columns: 1, values: [.nan, 2])
        #expect(VarianceRatio(images: broken, patches: same).value.isNaN)
    }

    @Test func cosinesOfFeaturesThatAgreeAreOneAndACommonMeanIsSeenThrough() {
        let a = normalMatrix(rows: 500, columns: 6, seed: 1)
        let scaled = FeatureMatrix(rows: 500, columns: 6, values: a.values.map { 3 * $0 })
        #expect(abs(FeatureAgreement.meanCosine(a, scaled, centred: false) - 1) <= 1e-6)
        let b = normalMatrix(rows: 500, columns: 6, seed: 2)
        let shift = { (m: FeatureMatrix) in FeatureMatrix(rows: 500, columns: 6, values: m.values.map { $0 + 50 }) }
        #expect(FeatureAgreement.meanCosine(shift(a), shift(b), centred: false) >= 0.999)
        #expect(abs(FeatureAgreement.meanCosine(shift(a), shift(b), centred: true)) <= 0.1)
        #expect(
            FeatureAgreement.meanCosine(
                a, FeatureMatrix(rows: 500, columns: 6, values: a.values.map { -$0 }), centred: true) <= -0.999)
    }

    @Test("a spectrum from the covariance is that of the factor, down to its rounding")
    func covarianceRoute() throws {
        let golden = try GoldenDiagnostics()
        for name in ["healthy", "lowrank", "collapsed"] {
            let features = try #require(golden.matrices[name])
            let expected = FeatureDiagnostics(features)
            let fast = FeatureDiagnostics(features, affordable: 0)
            for (own, other) in zip(fast.metrics, expected.metrics) {
                #expect(abs(own.value - other.value) <= 1e-4 * abs(other.value), "\(name) \(own.name)")
            }
        }
    }
}
