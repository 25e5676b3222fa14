package import Declarations

extension RunConfiguration {
    /// The value of a key. A key that there is not is a programmer's error.
    package func value(of path: String) -> SpecValue { SpecKey.named(path).value(in: self) }

    /// Sets a key. A value that the key does not accept, or a key that there is not, is a programmer's error.
    package mutating func set(_ path: String, to value: SpecValue) {
        SpecKey.named(path).set(value, in: &self, normalizing: true)
    }
}
