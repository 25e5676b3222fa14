import Dispatch
import Glibc

/// Operands of the kernels that are timed together; given back by `best`.
nonisolated(unsafe) private var operands: [UnsafeMutablePointer<Float>] = []

/// Memory that a kernel works on, filled with small numbers of both signs.
func floats(_ count: Int) -> UnsafeMutablePointer<Float> {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: max(count, 16) * 4, alignment: 64)
        .bindMemory(to: Float.self, capacity: max(count, 16))
    for index in 0..<count { memory[index] = Float(index % 17) / 17 - 0.5 }
    operands.append(memory)
    return memory
}

/// Makes a kernel with operands of its own; nil where there is no such kernel.
typealias KernelMaker = () -> (() -> Void)?

/// Calls per second of several kernels, each on all threads together, as in training: the best of short spells.
///
/// Kernels take turns, so what else runs on the machine slows all of them; it never makes a spell faster.
func best(threads: Int, _ makers: [KernelMaker]) -> [Double?] {
    let kernels = makers.map { make in
        let ofThreads = (0..<threads).compactMap { _ in make() }
        return ofThreads.count == threads ? ofThreads : []
    }
    defer {
        for memory in operands { memory.deallocate() }
        operands = []
    }
    var rates = [Double?](repeating: nil, count: makers.count)
    for _ in 0..<6 {
        for (index, ofThreads) in kernels.enumerated() where !ofThreads.isEmpty {
            rates[index] = max(rates[index] ?? 0, spell(ofThreads))
        }
    }
    return rates
}

/// Calls per second of all threads in about 10 ms.
private func spell(_ kernels: [() -> Void]) -> Double {
    nonisolated(unsafe) let kernels = kernels
    let rates = UnsafeMutablePointer<Double>.allocate(capacity: kernels.count)
    defer { rates.deallocate() }
    nonisolated(unsafe) let measured = rates
    DispatchQueue.concurrentPerform(iterations: kernels.count) { thread in
        let clock = ContinuousClock()
        let start = clock.now
        var (calls, elapsed) = (0, 0.0)
        while elapsed < 0.01 {
            kernels[thread]()
            calls += 1
            elapsed = (clock.now - start) / .seconds(1)
        }
        measured[thread] = Double(calls) / elapsed
    }
    return (0..<kernels.count).reduce(0) { $0 + rates[$1] }
}

/// A number, right-aligned.
func column(_ value: Double?, width: Int = 10) -> String {
    let text = value.map { $0 < 10 ? "\(($0 * 10).rounded() / 10)" : "\(Int($0.rounded()))" } ?? "–"
    return String(repeating: " ", count: max(0, width - text.count)) + text
}

/// Text, left-aligned.
func column(_ text: String, width: Int = 46) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
}
