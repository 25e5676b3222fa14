import Foundation
import Optimization
import TestSupport
import Testing

@Suite struct ScheduleTests {
    private struct GoldenSchedule: Decodable {
        let start_lr, lr, final_lr: Double
        let warmup_steps, total_steps: Int
        let weight_decay, momentum: [Double]
        let lr_at_step, weight_decay_at_step_cosine, weight_decay_at_step_linear, momentum_at_step: [Double]
    }

    private func golden() throws -> [GoldenSchedule] {
        let data = try Data(contentsOf: URL(fileURLWithPath: Golden.path("schedules.json")))
        return try JSONDecoder().decode([GoldenSchedule].self, from: data)
    }

    @Test("every schedule agrees with the golden file, step by step")
    func agreesWithGolden() throws {
        for golden in try golden() {
            let steps = golden.total_steps
            let rate = LearningRateSchedule(
                start: golden.start_lr, peak: golden.lr, end: golden.final_lr, warmupSteps: golden.warmup_steps,
                totalSteps: steps)
            #expect(relativeError((0..<steps).map(rate.value(at:)), golden.lr_at_step) <= 1e-12)
            for (form, expected) in [
                (WeightDecaySchedule.Form.cosine, golden.weight_decay_at_step_cosine),
                (.linear, golden.weight_decay_at_step_linear),
            ] {
                let decay = WeightDecaySchedule(
                    form: form, start: golden.weight_decay[0], end: golden.weight_decay[1], totalSteps: steps)
                #expect(relativeError((0..<steps).map(decay.value(at:)), expected) <= 1e-12)
            }
            let momentum = MomentumSchedule(
                form: .linear, start: golden.momentum[0], end: golden.momentum[1], totalSteps: steps)
            #expect(relativeError((0..<steps).map(momentum.value(at:)), golden.momentum_at_step) <= 1e-12)
        }
    }

    @Test("momentum schedules begin at the start and rise towards the end")
    func momentum() {
        for form in [MomentumSchedule.Form.linear, .cosine] {
            let schedule = MomentumSchedule(form: form, start: 0.99, end: 1, totalSteps: 50)
            let values = (0..<50).map(schedule.value(at:))
            #expect(values[0] == 0.99)
            #expect(zip(values, values.dropFirst()).allSatisfy { $0 < $1 })
            #expect(values[49] < 1 && schedule.value(at: 50) == 1)
        }
        #expect(MomentumSchedule(form: .constant, start: 0.9, end: 1, totalSteps: 5).value(at: 4) == 0.9)
    }

    @Test("weight decay may also fall")
    func fallingDecay() {
        let schedule = WeightDecaySchedule(form: .cosine, start: 0.4, end: 0.04, totalSteps: 10)
        #expect(abs(schedule.value(at: 9) - 0.04) <= 1e-15)
        #expect(schedule.value(at: 0) < 0.4)
    }

    @Test("past their end schedules stay where they ended")
    func pastTheEnd() {
        let rate = LearningRateSchedule(start: 0, peak: 1, end: 0.1, warmupSteps: 2, totalSteps: 10)
        #expect(rate.value(at: 25) == 0.1)
        #expect(WeightDecaySchedule(form: .linear, start: 0.1, end: 0.4, totalSteps: 10).value(at: 25) == 0.4)
        for form in [MomentumSchedule.Form.linear, .cosine] {
            #expect(MomentumSchedule(form: form, start: 0.9, end: 1, totalSteps: 10).value(at: 25) == 1)
        }
    }
}
