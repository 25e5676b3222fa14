import Dispatch
import Glibc

/// Memory that a kernel works on, in floats, filled with small numbers of both signs.
func floats(_ count: Int) -> UnsafeMutablePointer<Float> {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: max(count, 16) * 4, alignment: 64)
        .bindMemory(to: Float.self, capacity: max(count, 16))
    for index in 0..<count { memory[index] = Float(index % 17) / 17 - 0.5 }
    return memory
}

/// Calls per second of a kernel on all threads together, while each works on operands of its own, as in training.
///
/// - Parameter make: Makes one thread's operands and returns the kernel on them; nil where there is no such kernel.
/// - Returns: Median over spells of 30 ms.
func callsPerSecond(threads: Int, _ make: () -> (() -> Void)?) -> Double? {
    let kernels = (0..<threads).compactMap { _ in make() }
    guard kernels.count == threads else { return nil }
    nonisolated(unsafe) let shared = kernels
    let spells = 5
    let rates = UnsafeMutablePointer<Double>.allocate(capacity: threads)
    defer { rates.deallocate() }
    nonisolated(unsafe) let measured = rates
    var samples: [Double] = []
    for spell in 0...spells {
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            let clock = ContinuousClock()
            let start = clock.now
            var (calls, elapsed) = (0, 0.0)
            while elapsed < 0.03 {
                shared[thread]()
                calls += 1
                elapsed = (clock.now - start) / .seconds(1)
            }
            measured[thread] = Double(calls) / elapsed
        }
        // The first spell warms up.
        if spell > 0 { samples.append((0..<threads).reduce(0) { $0 + rates[$1] }) }
    }
    return samples.sorted()[samples.count / 2]
}

/// A column of a table, right-aligned.
func column(_ value: Double?, width: Int = 10) -> String {
    let text = value.map { format($0, decimals: $0 < 10 ? 1 : 0) } ?? "–"
    return String(repeating: " ", count: max(0, width - text.count)) + text
}

func column(_ text: String, width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
}

private func format(_ value: Double, decimals: Int) -> String {
    let scale = decimals == 1 ? 10.0 : 1
    let rounded = (value * scale).rounded() / scale
    return decimals == 1 ? "\(rounded)" : "\(Int(rounded))"
}
