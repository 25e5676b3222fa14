import Declarations
import CPUKernels
import ExperimentSpec
import Testing
import Training

@Suite struct StepPhasesTests {
    private func seconds(_ phases: [StepPhase: Double]) -> PhaseSeconds {
        var seconds = PhaseSeconds()
        for (phase, value) in phases { seconds[phase] = value }
        return seconds
    }

    @Test func `the critical path is that of the thread that was busy longest`() {
        // Two threads: the first has pieces 0 and 2, the second 1 and 3.
        let pieces = [
            seconds([.contextForward: 1, .loss: 0.5]), seconds([.contextForward: 2]),
            seconds([.contextForward: 1.25]), seconds([.contextForward: 0.5, .load: 0.125]),
        ]
        let critical = PhaseSeconds.critical(threads: 2, 4, thread: { $0 % 2 }) { pieces[$0] }
        #expect(critical == seconds([.contextForward: 2.25, .loss: 0.5]))
        #expect(critical.total == 2.75)
        #expect(PhaseSeconds.critical(threads: 9, 4, thread: { $0 }) { pieces[$0] } == pieces[1])
        #expect(PhaseSeconds.critical(threads: 1, 4, thread: { _ in 0 }) { pieces[$0] }.total == 5.375)
    }

    private var tiny: RunConfiguration {
        var configuration = RunConfiguration()
        configuration.set("data.dataset", to: "idx")
        (configuration.model.width, configuration.model.depth, configuration.model.heads) = (16, 2, 2)
        (configuration.model.imageSize, configuration.model.patchSize, configuration.model.channels) = (32, 4, 3)
        configuration.set("model.predictor.width", to: 8)
        configuration.set("model.predictor.depth", to: 1)
        configuration.set("masks.min_keep", to: 4)
        configuration.training.batchSize = 8
        configuration.set("objective.vicreg.weight", to: 0.01)
        return configuration
    }

    @Test(arguments: [1, 2, 3]) func `a step's phases are all measured and fit into its time`(threads: Int) throws {
        let trial = try TrialRun(tiny, on: CPUBackend(), threads: threads)
        for _ in 0..<3 {
            let step = try trial.take()
            #expect(StepPhase.allCases.allSatisfy { step.phases[$0] > 0 }, "\(step.phases)")
            #expect(step.phases.total <= step.seconds)
        }
    }

    @Test func `trial steps see new masks, and count the reference's work for them`() throws {
        let trial = try TrialRun(tiny, on: CPUBackend(), threads: 1, rendersEveryBatch: false)
        let steps = try (0..<12).map { _ in try trial.take() }
        #expect(Set(steps.map(\.contextPatches)).count > 1)
        for step in steps {
            let flops = StepFLOPs(
                tiny, contextPatches: Double(step.contextPatches), targetPatches: Double(step.targetPatches))
            #expect(step.flops == flops.total)
            #expect(step.counted == nil)
        }
        #expect(trial.state.step == 12)
    }

    @Test func `a benchmark takes the steps that it was asked for, and counts in others`() throws {
        let benchmark = StepBenchmark(threads: 2, warmupSteps: 1, steps: 6, seconds: 1, rendersEveryBatch: true)
        let counter = CallCounter(start: {}, stop: { 7 })
        let result = try benchmark.run(tiny, on: CPUBackend(), counter: counter)
        #expect(result.steps.count == 6)
        #expect(result.steps.allSatisfy { $0.counted == nil })
        #expect(!result.counts.isEmpty && result.counts.allSatisfy { $0 == 7 })
        #expect(!result.productRates.isEmpty && result.productRates.allSatisfy { $0 > 1e6 })
    }
}
