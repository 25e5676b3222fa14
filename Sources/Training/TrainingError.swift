/// Why training cannot go on.
package struct TrainingError: Error, CustomStringConvertible, Sendable {
    package let description: String

    /// A quantity of a step is infinite or not a number; the parameters are those of the step before.
    package static func nonFinite(_ quantity: String, step: Int) -> TrainingError {
        TrainingError(
            description: "\(quantity) is not finite at step \(step); the parameters of step \(step - 1) are kept. "
                + "Lower schedule.lr, or set optimizer.clip_norm.")
    }

    static func missingTensor(_ name: String) -> TrainingError {
        TrainingError(description: "the file holds no tensor \(name); was it written for another configuration?")
    }

    static func wrongShape(_ name: String, expected: [Int], found: [Int]) -> TrainingError {
        TrainingError(description: "tensor \(name) has shape \(found), the configuration needs \(expected)")
    }
}
