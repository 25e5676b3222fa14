import Diagnostics
import TensorCore
import Testing

@Suite struct PredictorSkillTests {
    /// Targets = a mean per position + image-dependent part.
    private struct Sample {
        let targets: [Float]
        let positions: [Int32]
        let columns = 3
        let positionMeans: [Float] = [5, 1, -2, 0, 7, 7, 1, 1, 1, -4, -4, 9]

        init(rows: Int, seed: UInt64) {
            var stream = RandomStream(seed: seed, purpose: .tests)
            var targets: [Float] = []
            var positions: [Int32] = []
            for _ in 0..<rows {
                let position = stream.integer(below: 4)
                positions.append(Int32(position))
                for j in 0..<3 { targets.append(positionMeans[position * 3 + j] + Float(stream.normal())) }
            }
            self.targets = targets
            self.positions = positions
        }
    }

    private func skill(_ predictions: [Float], _ sample: Sample) -> PredictorSkill {
        var skill = PredictorSkill(columns: 3, positions: 4)
        skill.add(predictions: predictions, targets: sample.targets, positions: sample.positions)
        return skill
    }

    @Test func perfectPredictionsHaveR2One() {
        let sample = Sample(rows: 100, seed: 1)
        #expect(skill(sample.targets, sample).r2 == 1)
        #expect(skill(sample.targets, sample).r2Position == 1)
    }

    @Test func theMeanOverEverythingHasR2Zero() {
        let sample = Sample(rows: 200, seed: 2)
        let mean = (0..<3).map { j in (0..<200).reduce(0.0) { $0 + Double(sample.targets[$1 * 3 + j]) } / 200 }
        let result = skill((0..<600).map { Float(mean[$0 % 3]) }, sample)
        #expect(abs(result.r2) <= 1e-6)
        #expect(result.r2Position < -1)
    }

    @Test func theMeanOfEachPositionHasPositionalR2ZeroAndKnownR2() {
        let sample = Sample(rows: 400, seed: 3)
        var sums = [Double](repeating: 0, count: 12)
        var counts = [Double](repeating: 0, count: 4)
        for (row, position) in sample.positions.enumerated() {
            counts[Int(position)] += 1
            for j in 0..<3 { sums[Int(position) * 3 + j] += Double(sample.targets[row * 3 + j]) }
        }
        let predictions = (0..<1200).map { i in
            let position = Int(sample.positions[i / 3])
            return Float(sums[position * 3 + i % 3] / counts[position])
        }
        let result = skill(predictions, sample)
        #expect(abs(result.r2Position) <= 1e-6)
        // Direct: 1 − within / total.
        let mean = (0..<3).map { j in (0..<400).reduce(0.0) { $0 + Double(sample.targets[$1 * 3 + j]) } / 400 }
        var (within, total) = (0.0, 0.0)
        for i in 0..<1200 {
            let target = Double(sample.targets[i])
            within += (target - Double(predictions[i])) * (target - Double(predictions[i]))
            total += (target - mean[i % 3]) * (target - mean[i % 3])
        }
        #expect(abs(result.r2 - (1 - within / total)) <= 1e-9)
    }

    @Test func shrinkingTargetsAndPredictionsLeavesR2Alone() {
        let sample = Sample(rows: 300, seed: 4)
        var stream = RandomStream(seed: 9, purpose: .tests)
        let predictions = sample.targets.map { $0 + Float(stream.normal()) }
        let plain = skill(predictions, sample)
        var shrunk = PredictorSkill(columns: 3, positions: 4)
        shrunk.add(
            predictions: predictions.map { $0 * 0x1p-12 }, targets: sample.targets.map { $0 * 0x1p-12 },
            positions: sample.positions)
        #expect(abs(plain.r2 - shrunk.r2) <= 1e-12)
        #expect(abs(plain.r2Position - shrunk.r2Position) <= 1e-12)
        #expect(plain.r2 > plain.r2Position)
    }

    @Test func partsAndTheirMergeEqualTheWhole() {
        let sample = Sample(rows: 90, seed: 5)
        let predictions = sample.targets.map { 0.5 * $0 }
        let whole = skill(predictions, sample)
        var parts = (0..<3).map { _ in PredictorSkill(columns: 3, positions: 4) }
        for part in 0..<3 {
            for row in (part * 30)..<(part * 30 + 30) {
                parts[part].add(
                    predictions: Array(predictions[row * 3..<row * 3 + 3]),
                    targets: Array(sample.targets[row * 3..<row * 3 + 3]), positions: [sample.positions[row]])
            }
        }
        var merged = PredictorSkill(columns: 3, positions: 4)
        for part in parts { merged.merge(part) }
        #expect(merged.count == 90)
        #expect(abs(merged.r2 - whole.r2) <= 1e-12)
        #expect(abs(merged.r2Position - whole.r2Position) <= 1e-12)
    }

    @Test func targetsThatNeverVaryHaveNoR2() {
        var constant = PredictorSkill(columns: 2, positions: 1)
        #expect(constant.r2.isNaN)
        constant.add(predictions: [1, 2, 3, 4], targets: [7, 7, 7, 7], positions: [0, 0])
        #expect(constant.r2.isNaN)
        #expect(constant.r2Position.isNaN)
    }

    @Test func aNaNIsNotSwallowed() {
        var skill = PredictorSkill(columns: 1, positions: 1)
        skill.add(predictions: [1, .nan, 2], targets: [1, 2, 3], positions: [0, 0, 0])
        #expect(skill.r2.isNaN)
    }
}
