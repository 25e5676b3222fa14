import CAllocations
import Datasets
import ExperimentSpec
import HDF5
import Orchestration
import RunStore
import Safetensors
import Training

/// What an error means for the run that it ended: its kind, and words for `state.json`.
struct WorkerFailure {
    let kind: FailureKind
    /// "non-finite gradient at step 12"; a few words.
    let reason: String
    let message: String

    /// - Parameter refusedBytes: Of an allocation that has just failed; 0 where none did.
    init(
        _ error: any Error, in directory: RunDirectory, hash: String?, refusedBytes: Int = callocations_failed_bytes()
    ) {
        if refusedBytes > 0 || (error as? FileWriteError)?.isOutOfMemory == true {
            kind = .outOfMemory
            reason = "memory ran out"
            // What the error itself advises, such as to remove a file that could not be read, would be wrong.
            message =
                "the system refused its request for memory\(refusedBytes > 0 ? " (\(Quantity.bytes(refusedBytes)))" : ""): use fewer "
                + "runs at once (resources.workers), a smaller batch or fewer shards, or raise the limit (ulimit -v)"
            return
        }
        switch error {
        case let error as TrainingError:
            if let (quantity, step) = error.nonFinite {
                kind = .nonFinite
                reason = "non-finite: \(quantity) at step \(step)"
                message = error.description + " " + Self.lastGoodCheckpoint(of: directory, hash: hash)
                return
            }
            (kind, reason) = (.other, "error")
        case let error as FileWriteError:
            if error.isDiskFull {
                (kind, reason) = (.diskFull, "no space left on the disk")
            } else if error.isNotPermitted {
                (kind, reason) = (.notWritable, "the results cannot be written")
            } else {
                (kind, reason) = (.other, "error")
            }
        case is DatasetError: (kind, reason) = (.data, "the data cannot be read")
        case is RunStoreError, is SafetensorsError, is HDF5Error:
            (kind, reason) = (.files, "its files cannot be used")
        default: (kind, reason) = (.other, "error")
        }
        message = "\(error)"
    }

    /// Names the newest checkpoint that is whole and holds only finite numbers.
    private static func lastGoodCheckpoint(of directory: RunDirectory, hash: String?) -> String {
        for entry in directory.checkpoints.entries.reversed() {
            guard let hash, let checkpoint = try? Checkpoint.load(from: entry.path, expecting: hash),
                (try? checkpoint.nonFiniteTensors())?.isEmpty == true
            else { continue }
            return "The last good checkpoint is from step \(entry.step): \(entry.path)."
        }
        return "There is no good checkpoint before it."
    }
}
