/// A pickle that cannot be read, or that asks for what is not done here.
package struct PickleError: Error, Hashable, CustomStringConvertible {
    /// Byte of the file.
    package let offset: Int
    package let problem: String

    package init(offset: Int, problem: String) {
        self.offset = offset
        self.problem = problem
    }

    package var description: String { "\(problem) (at byte \(offset))" }
}
