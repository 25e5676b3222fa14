import CPUKernels
import ExperimentSpec
import Training

/// Seconds of one training step of a configuration, and of one image's features, on one thread, measured on noise for
/// about a second.
///
/// - Throws: `TrainingError` or `MaskError` for a configuration that cannot take a step.
func calibrate(_ configuration: RunConfiguration) throws -> StepCalibration.Result {
    try StepCalibration.measure(configuration, on: CPUBackend(for: configuration), threads: 1, seconds: 1)
}
