/// A count with its noun: "1 run", "3 runs", "0 runs".
///
/// - Parameter plural: Where it is not the noun with an s: "batches".
package func counted(_ count: Int, _ noun: String, _ plural: String? = nil) -> String {
    "\(count) \(count == 1 ? noun : plural ?? noun + "s")"
}
