/// Whether features can be float32.
enum FloatRange {
    /// - Parameter largest: The largest magnitude among the finite values, before rounding.
    /// - Throws: `FeatureFileError` for values that all lie where float32 has lost its digits, or all of it.
    static func check(largest: Double, file: String, dataset: String?) throws {
        guard largest > 0, largest < Double(Float.leastNormalMagnitude) else { return }
        throw FeatureFileError(
            file: file, dataset: dataset,
            message:
                "the largest value is \(largest), and below \(Float.leastNormalMagnitude) float32 loses its digits",
            remedy: "multiply the features by a constant: only std_mean, std_min and variances change with it")
    }
}
