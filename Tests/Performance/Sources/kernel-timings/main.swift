import CKernels
import COneDNN
import COpenBLAS
import CPUKernels
import Glibc

// Times single kernels on the shapes of our networks, on all threads at once, as shards run:
//
//     swift run -c release --package-path Tests/Performance kernel-timings [threads]
//
// Matrix products: the program's own loops, OpenBLAS, oneDNN with B as it lies in memory and packed beforehand.

// Both libraries look at the environment while they are loaded.
if getenv("OMP_NUM_THREADS") == nil || OpenBLASRuntime.preferredCoreType() != nil {
    setenv("OMP_NUM_THREADS", "1", 1)
    if let coreType = OpenBLASRuntime.preferredCoreType() { setenv("OPENBLAS_CORETYPE", coreType, 1) }
    var arguments = CommandLine.arguments.map { strdup($0) } + [nil]
    execv("/proc/self/exe", &arguments)
}
openblas_set_num_threads(1)

let threads = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
let table = ckernels().pointee

print("\(CPUBackend().summary); \(threads) threads\n")
timeProducts()
timeAttention()
timePasses()

/// The three products of a linear map [outputs, inputs] over some rows.
enum Direction: String, CaseIterable {
    case forward
    case input = "backward, input"
    case weight = "backward, weight"
}

func timeProducts() {
    // Four images a shard: all patches, a context, and the predictor's sequences.
    let shapes: [(name: String, rows: Int, width: Int)] = [
        ("grey 28²/4", 8 * 49, 96), ("ViT-T targets", 784, 192), ("ViT-S targets", 784, 384),
        ("ViT-S context", 280, 384), ("predictor", 1696, 384), ("ViT-B targets", 784, 768), ("ViT-B context", 280, 768),
    ]
    print(column("float32 products, GFLOP/s") + "       own  OpenBLAS   oneDNN    packed      bf16    packed")
    for (name, rows, width) in shapes {
        let maps = [
            ("qkv", width, 3 * width), ("proj", width, width), ("fc1", width, 4 * width), ("fc2", 4 * width, width),
        ]
        for (map, inputs, outputs) in maps {
            for direction in Direction.allCases {
                let operations = 2e-9 * Double(rows) * Double(inputs) * Double(outputs)
                // Weights' gradients have no operand that stays.
                let packs = direction != .weight
                let rates = best(
                    threads: threads,
                    [
                        { own(direction, rows, inputs, outputs) }, { openBLAS(direction, rows, inputs, outputs) },
                        { oneDNN(direction, rows, inputs, outputs) },
                        { packs ? oneDNN(direction, rows, inputs, outputs, packs: true) : nil },
                        { oneDNN(direction, rows, inputs, outputs, narrow: true) },
                        { packs ? oneDNN(direction, rows, inputs, outputs, narrow: true, packs: true) : nil },
                    ])
                print(
                    column("\(name) \(map) \(rows)×\(inputs)→\(outputs), \(direction.rawValue)"),
                    rates.map { column($0.map { $0 * operations }) }.joined())
            }
        }
    }
    print()
}

func own(_ direction: Direction, _ rows: Int, _ inputs: Int, _ outputs: Int) -> () -> Void {
    let (x, y, weight) = (floats(rows * inputs), floats(rows * outputs), floats(inputs * outputs))
    switch direction {
    case .forward: return { table.linear(x, rows, inputs, weight, outputs, nil, y) }
    case .input: return { table.linear_backward_input(y, rows, outputs, weight, inputs, 0, x) }
    case .weight: return { table.linear_backward_weight(y, rows, outputs, x, inputs, weight) }
    }
}

func openBLAS(_ direction: Direction, _ rows: Int, _ inputs: Int, _ outputs: Int) -> () -> Void {
    let (x, y, weight) = (floats(rows * inputs), floats(rows * outputs), floats(inputs * outputs))
    let (n, k, d) = (blasint(rows), blasint(inputs), blasint(outputs))
    switch direction {
    case .forward:
        return { cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, d, k, 1, x, k, weight, k, 0, y, d) }
    case .input:
        return { cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, k, d, 1, y, d, weight, k, 0, x, k) }
    case .weight:
        return { cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, d, k, n, 1, y, d, x, k, 1, weight, k) }
    }
}

func oneDNN(
    _ direction: Direction, _ rows: Int, _ inputs: Int, _ outputs: Int, narrow: Bool = false, packs: Bool = false
) -> (() -> Void)? {
    let flags = (narrow: Int32(narrow ? 1 : 0), packs: Int32(packs ? 1 : 0))
    let product =
        switch direction {
        case .forward: conednn_product(rows, inputs, outputs, 0, 1, 0, flags.narrow, flags.packs)
        case .input: conednn_product(rows, outputs, inputs, 0, 0, 0, flags.narrow, flags.packs)
        case .weight: conednn_product(outputs, rows, inputs, 1, 0, 1, flags.narrow, 0)
        }
    return product.map { product in { conednn_run(product) } }
}

func timeAttention() {
    print(column("float32 attention, GFLOP/s") + "   forward  backward")
    let shapes: [(name: String, images: Int, tokens: Int, heads: Int, width: Int)] = [
        ("ViT-T targets", 4, 196, 3, 64), ("ViT-S targets", 4, 196, 6, 64), ("ViT-S context", 4, 70, 6, 64),
        ("predictor", 16, 106, 6, 64), ("ViT-B targets", 4, 196, 12, 64), ("grey 28²/4", 8, 49, 3, 32),
    ]
    for (name, images, tokens, heads, width) in shapes {
        let operations = 4e-9 * Double(images * heads) * Double(tokens * tokens * width)
        func operands() -> (
            qkv: UnsafeMutablePointer<Float>, p: UnsafeMutablePointer<Float>, y: UnsafeMutablePointer<Float>
        ) {
            (
                floats(images * tokens * 3 * heads * width), floats(images * heads * tokens * tokens),
                floats(images * tokens * heads * width)
            )
        }
        let rates = best(
            threads: threads,
            [
                {
                    let (qkv, p, y) = operands()
                    return { table.attention(qkv, images, tokens, heads, width, p, y) }
                },
                {
                    let (qkv, p, dy) = operands()
                    let (dQKV, scratch) = (floats(images * tokens * 3 * heads * width), floats(tokens * tokens))
                    table.attention(qkv, images, tokens, heads, width, p, dy)
                    return { table.attention_backward(qkv, images, tokens, heads, width, p, dy, dQKV, scratch) }
                },
            ])
        print(
            column("\(name) \(images)×\(tokens) tokens, \(heads)×\(width)"),
            column(rates[0].map { $0 * operations }), column(rates[1].map { $0 * 2 * operations }))
    }
    print()
}

/// Passes over memory: bytes that have to be read and written, per second.
func timePasses() {
    print(column("passes over memory, GB/s") + "  in cache  in memory")
    func row(_ name: String, bytes: Double, small: Int, large: Int, _ make: @escaping (Int) -> () -> Void) {
        let counts = [small, large]
        let rates = best(threads: threads, counts.map { count in { make(count) } })
        print(
            column(name), zip(rates, counts).map { column(scaled($0, by: bytes * Double($1) / 1e9)) }.joined())
    }
    let (small, large) = (1 << 16, 1 << 24)
    row("GELU", bytes: 8, small: small, large: large) { count in
        let (x, y) = (floats(count), floats(count))
        return { table.gelu(x, y, count) }
    }
    row("GELU, backward", bytes: 12, small: small, large: large) { count in
        let (x, dy) = (floats(count), floats(count))
        return { table.gelu_backward(x, dy, dy, count) }
    }
    row("addition", bytes: 12, small: small, large: large) { count in
        let (x, y) = (floats(count), floats(count))
        return { table.add(x, 1e-6, y, count) }
    }
    row("LayerNorm of 384", bytes: 8, small: small, large: large) { count in
        let rows = count / 384
        let (x, y, gamma, beta) = (floats(count), floats(count), floats(384), floats(384))
        let (mean, rstd) = (floats(rows), floats(rows))
        return { table.layer_norm(x, rows, 384, gamma, beta, 1e-6, mean, rstd, y) }
    }
    row("LayerNorm of 384, backward", bytes: 16, small: small, large: large) { count in
        let rows = count / 384
        let (x, dy, dx, gamma) = (floats(count), floats(count), floats(count), floats(384))
        let (mean, rstd, dGamma, dBeta) = (floats(rows), floats(rows), floats(384), floats(384))
        return { table.layer_norm_backward(x, rows, 384, gamma, mean, rstd, dy, dx, dGamma, dBeta) }
    }
    row("AdamW", bytes: 28, small: small, large: large) { count in
        let (p, g, m, v) = (floats(count), floats(count), floats(count), floats(count))
        for index in 0..<count { v[index] = abs(v[index]) }
        let step = CAdamWStep(
            decay: 1, beta1: 0.9, beta1_complement: 0.1, beta2: 0.999, beta2_complement: 0.001, step_size: 1e-6,
            second_moment_factor: 1, epsilon: 1e-8)
        return { table.adamw(p, g, m, v, count, step) }
    }
    row("moving average", bytes: 12, small: small, large: large) { count in
        let (x, y) = (floats(count), floats(count))
        return { table.move_towards(x, 0.004, y, count) }
    }
}

func scaled(_ value: Double?, by factor: Double) -> Double? { value.map { $0 * factor } }
