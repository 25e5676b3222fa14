import CPUKernels
import Evaluation
import ExperimentSpec
import Foundation
import Glibc
import MPI
import Orchestration
import RunStore
import Safetensors
import Training

/// One of several processes that train a run together, other than rank 0, which stores what comes out.
struct WorkerFollower {
    let directory: RunDirectory
    let threads: Int
    /// The process that started this one.
    let parent: pid_t
    let communicator: any Communicator

    /// - Returns: As rank 0's, where all goes well; a failure is told on standard error.
    func run() -> RunStatus {
        do {
            let configuration = try directory.loadPlan().run.configuration
            let trainer = try Trainer(
                configuration, data: try .load(configuration),
                backend: CPUBackend(for: configuration), threads: threads, recorder: Silence(),
                communicator: communicator)
            let ending = try trainer.run { InterruptSignals.count > 0 || getppid() != parent }
            return ending == .interrupted ? .interrupted : .done
        } catch {
            Console.note("\(directory.name): error on rank \(communicator.rank): \(error)")
            return .failed
        }
    }

    /// Rank 0 records the run.
    private final class Silence: RunRecorder {
        func record(_ step: StepRecord) {}
        func record(_ evaluation: EvaluationRecord) {}
        func record(_ gradients: GradientRecord) {}
        func record(_ diagnostics: DiagnosticsRecord) {}
        func record(_ embeddings: EmbeddingRecord) {}
        func checkpoint(step: Int, tensors: [String: SafetensorsSource], counters: [String: String]) {}
        func enter(phase: String) {}
    }
}

extension MPICommunicator {
    /// Leaves the job with the others, or kills them where they cannot know that this process failed.
    func leave(after status: RunStatus) {
        // What fails on one rank alone leaves the others waiting in an exchange; what fails on all finds them here.
        // Where all goes well rank 0 comes last; a full disk ends it alone, as interrupted.
        let patience = rank == 0 || status == .failed ? 10.0 : .infinity
        guard waitForAll(atMost: patience) else {
            Console.note("rank \(rank) failed while the others continued; the job ends")
            abort(code: status == .interrupted ? 75 : 1)
        }
        finish()
    }
}
