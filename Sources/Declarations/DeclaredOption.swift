/// One of the types that a key of a spec chooses among: a prediction loss, a mask sampler, a target-encoder rule, …
///
/// A type that conforms, in one file, and its name in the list of its kind are all that a new one takes.
package protocol DeclaredOption: Sendable {
    /// Its name in specs: "smooth_l1".
    static var name: String { get }
    /// What it is, in a clause, for the documentation of the key: "the mean of the context features, for every patch".
    static var summary: String { get }
    /// The keys that it reads, below the group of its kind. What several read is one declaration that all of them list.
    static var keys: [DeclaredKey] { get }
}

extension DeclaredOption {
    package static var keys: [DeclaredKey] { [] }
}
