import CPUKernels
import Datasets
import ExperimentSpec
import Kernels
import Safetensors
import Testing
import Training

/// Several processes compute what one does. Ranks are threads here; the program is tested with real processes.
@Suite struct RankTests {
    private struct StepResult: Sendable, Equatable {
        var metrics: StepMetrics
        var gradients: [Double]
        var terms: [TermGradient]
        var after: StepMetrics
        var online: [Double]
        var target: [Double]
    }

    private static func steps(
        _ testCase: StepGradientTests.Case, rounds: Int, _ communicator: any Communicator
    ) throws -> StepResult {
        var fixture = StepFixture(
            testCase, imageCount: 33, shards: 32, rounds: rounds, threads: 1, communicator: communicator)
        let (metrics, sum) = try fixture.step.gradients(fixture.batch, state: fixture.state)
        let gradients = fixture.backend.values(of: sum)
        let terms = try fixture.step.termGradients(fixture.batch, state: fixture.state)
        let hyperparameters = StepHyperparameters(learningRate: 1e-2, weightDecay: 0.1, momentum: 0.9)
        _ = try fixture.step(hyperparameters)
        let after = try fixture.step(hyperparameters)
        return StepResult(
            metrics: metrics, gradients: gradients, terms: terms, after: after,
            online: fixture.backend.values(of: fixture.state.online),
            target: fixture.backend.values(of: fixture.state.target))
    }

    @Test(
        "2, 3, 4 or 8 ranks with 1, 2 or 4 rounds give every rank the bits of one process",
        arguments: StepGradientTests.cases)
    func sameBits(_ testCase: StepGradientTests.Case) throws {
        let alone = try Self.steps(testCase, rounds: 1, SingleProcess())
        for (ranks, rounds) in [(2, 1), (3, 1), (4, 1), (8, 1), (2, 4), (4, 2), (3, 2)] {
            let all = try ThreadCommunicator.run(ranks) { try Self.steps(testCase, rounds: rounds, $0) }
            for (rank, result) in all.enumerated() {
                #expect(result == alone, "rank \(rank) of \(ranks), \(rounds) rounds")
            }
        }
    }

    private static func train(
        _ configuration: RunConfiguration, _ communicator: any Communicator,
        resume: (Int, [String: SafetensorsTensor])? = nil, stopAfter: Int? = nil
    ) throws -> (ending: Trainer<CPUBackend>.Ending, recorder: MemoryRecorder) {
        let recorder = MemoryRecorder()
        let backend = CPUBackend(precision: configuration.training.precision == .bf16 ? .bf16 : .float32)
        let trainer = try Trainer(
            configuration, data: TrainerTests.data, backend: backend, threads: 1, recorder: recorder,
            communicator: communicator)
        if let resume { try trainer.resume(fromStep: resume.0, tensors: resume.1) }
        let ending = try trainer.run { recorder.steps.count == stopAfter }
        return (ending, recorder)
    }

    @Test(
        "a run of 2 ranks is stopped by one of them, and ends as one process would, though only rank 0 resumes",
        arguments: [TrainingConfiguration.Precision.float32, .bf16])
    func trains(precision: TrainingConfiguration.Precision) throws {
        var configuration = TrainerTests.configuration()
        configuration.training.precision = precision
        configuration.resources.shards = 8
        configuration.diagnostics.gradientNormsEvery = 2
        configuration.diagnostics.everySteps = 1
        let alone = try Self.train(configuration, SingleProcess()).recorder
        // Rank 1 alone is asked to stop, after step 3.
        let first = try ThreadCommunicator.run(2) { [configuration] communicator in
            let result = try Self.train(configuration, communicator, stopAfter: communicator.rank == 1 ? 3 : nil)
            return Recorded(result.ending, result.recorder)
        }
        #expect(first.allSatisfy { $0.ending == .interrupted && $0.recorder.steps.count == 3 })
        #expect(first[1].recorder.checkpoints.isEmpty && first[1].recorder.evaluations.isEmpty)
        let tensors = try #require(first[0].recorder.checkpoints[3])
        let second = try ThreadCommunicator.run(2) { [configuration] communicator in
            let result = try Self.train(
                configuration, communicator, resume: communicator.rank == 0 ? (3, tensors) : nil)
            return Recorded(result.ending, result.recorder)
        }
        #expect(second.allSatisfy { $0.ending == .completed })
        #expect(second[0].recorder.checkpoints[6] == alone.checkpoints[6])
        for rank in 0..<2 {
            #expect(
                (first[rank].recorder.steps + second[rank].recorder.steps).map(\.metrics) == alone.steps.map(\.metrics))
        }
        #expect(
            (first[0].recorder.gradients + second[0].recorder.gradients).map(\.terms) == alone.gradients.map(\.terms))
        #expect(alone.gradients.count == 3 && first[1].recorder.gradients.isEmpty)
        #expect(first[1].recorder.diagnostics.isEmpty)
        #expect(
            (first[0].recorder.diagnostics + second[0].recorder.diagnostics).map { "\($0.step) \($0.tables)" }
                == alone.diagnostics.map { "\($0.step) \($0.tables)" })
        #expect(
            (first[0].recorder.evaluations + second[0].recorder.evaluations).map { "\($0.metrics)" }
                == alone.evaluations.map { "\($0.metrics)" })
    }

    private final class Recorded: @unchecked Sendable {
        let ending: Trainer<CPUBackend>.Ending
        let recorder: MemoryRecorder
        init(_ ending: Trainer<CPUBackend>.Ending, _ recorder: MemoryRecorder) {
            (self.ending, self.recorder) = (ending, recorder)
        }
    }

    @Test("ranks of different runs, and more ranks than shards, are refused on every rank")
    func refusals() throws {
        let messages = try ThreadCommunicator.run(2) { communicator in
            var configuration = TrainerTests.configuration()
            configuration.schedule.learningRate = communicator.rank == 0 ? 1e-3 : 2e-3
            return Self.failure { _ = try Self.train(configuration, communicator) }
        }
        #expect(messages.allSatisfy { $0.contains("do not have the same configuration: rank 0") })
        let tooMany = try ThreadCommunicator.run(3) { communicator in
            var configuration = TrainerTests.configuration()
            (configuration.resources.shards, configuration.resources.accumulate) = (8, 2)
            return Self.failure { _ = try Self.train(configuration, communicator) }
        }
        #expect(tooMany.allSatisfy { $0.contains("3 processes and 2 rounds need 24 shards") })
        var configuration = TrainerTests.configuration()
        configuration.resources.accumulate = 2
        let tooManyRounds = Self.failure { _ = try Self.train(configuration, SingleProcess()) }
        #expect(tooManyRounds.contains("set resources.shards: 8 or more, or fewer rounds"), "\(tooManyRounds)")
    }

    private static func failure(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch {
            return "\(error)"
        }
    }
}
