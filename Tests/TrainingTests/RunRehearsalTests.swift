import CPUKernels
import ExperimentSpec
import Testing
import Training

@Suite struct RunRehearsalTests {
    private var tiny: RunConfiguration {
        var configuration = RunConfiguration()
        configuration.data.dataset = .fashionMNISTSample
        (configuration.model.width, configuration.model.depth, configuration.model.heads) = (16, 2, 2)
        (configuration.model.imageSize, configuration.model.patchSize, configuration.model.channels) = (28, 4, 1)
        (configuration.model.predictor.width, configuration.model.predictor.depth) = (8, 1)
        configuration.masks.minKeep = 4
        configuration.training.batchSize = 16
        configuration.training.steps = 20
        configuration.evaluation.neighbours = [10]
        (configuration.evaluation.trainImages, configuration.evaluation.testImages) = (400, 100)
        return configuration
    }

    @Test(arguments: [1, 2]) func `every part of a run is rehearsed`(slots: Int) throws {
        let cost = CostEstimate(tiny)
        let pace = try RunRehearsal.measure(
            tiny, cost: cost, on: CPUBackend(), slots: slots, threads: 1, seconds: 0.01)
        for part in [pace.step, pace.feature, pace.neighbours, pace.diagnostics, pace.linearProbe, pace.skill] {
            #expect(part > 0 && part < 60, "\(pace)")
        }
        #expect(pace.start == 0)
    }

    @Test func `a configuration that cannot take a step is refused`() {
        var configuration = tiny
        configuration.masks.minKeep = 40
        #expect(throws: (any Error).self) {
            try RunRehearsal.measure(
                configuration, cost: CostEstimate(tiny), on: CPUBackend(), slots: 2, threads: 1, seconds: 0.01)
        }
    }
}
