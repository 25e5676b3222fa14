/// Why training cannot go on.
package struct TrainingError: Error, CustomStringConvertible, Sendable {
    package let description: String
    /// What was not finite, and in which step; none for other errors.
    package private(set) var nonFinite: (quantity: String, step: Int)?

    init(description: String) { self.description = description }

    /// A quantity of a step is infinite or not a number; the parameters are those of the step before.
    package static func nonFinite(_ quantity: String, step: Int) -> TrainingError {
        var error = TrainingError(
            description: "\(quantity) is not finite at step \(step); the parameters of step \(step - 1) are kept. "
                + "Lower schedule.lr, or set optimizer.clip_norm.")
        error.nonFinite = (quantity, step)
        return error
    }

    static func missingTensor(_ name: String) -> TrainingError {
        TrainingError(description: "the file holds no tensor \(name); was it written for another configuration?")
    }

    static func wrongShape(_ name: String, expected: [Int], found: [Int]) -> TrainingError {
        TrainingError(description: "tensor \(name) has shape \(found), but the configuration needs \(expected)")
    }
}
