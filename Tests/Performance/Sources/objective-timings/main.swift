import CAllocations
import CPUKernels
import Declarations
import Expressions
import Glibc
import Kernels
import Objectives
import TensorCore

// Times the regularisers, values and gradients, on the pooled views of a batch, on the calling thread, as in training:
//
//     swift run -c release --package-path Tests/Performance objective-timings [images] [views] [width]
//
// For each: the fastest and the median of the evaluations of three seconds, workspace, FLOPs of matrix products, and
// allocations of one evaluation.

// OpenBLAS looks at the environment while it is loaded.
if getenv("OMP_NUM_THREADS") == nil {
    setenv("OMP_NUM_THREADS", "1", 1)
    if let coreType = OpenBLASRuntime.preferredCoreType() { setenv("OPENBLAS_CORETYPE", coreType, 1) }
    var arguments = CommandLine.arguments.map { strdup($0) } + [nil]
    execv("/proc/self/exe", &arguments)
}

let numbers = CommandLine.arguments.dropFirst().compactMap { Int($0) }
let images = numbers.count > 0 ? numbers[0] : 128
let viewCount = numbers.count > 1 ? numbers[1] : 4
let width = numbers.count > 2 ? numbers[2] : 384
let backend = CPUBackend()
let views = backend.makeTensor(Shape(viewCount, images, width))
backend.fillNormal(views, from: RandomStream(seed: 1, purpose: .tests))
let gradient = backend.makeTensor(views.shape)

print("\(backend.summary); \(viewCount) views of \(images) images, width \(width)\n")
let shape = ViewShape(views: viewCount, rows: images, width: width)
for type in Regularizers.standard {
    let term = type.init(Settings(type.declaration.keys))
    time(type.declaration.title, term.evaluator(of: shape, on: backend), productFLOPs: term.flops(shape))
}

func time(_ name: String, _ evaluator: some RegularizerEvaluator<CPUBackend>, productFLOPs: Double) {
    let workspace = Workspace(backend, capacity: evaluator.elements)
    time(name, workspace, flops: Int(productFLOPs)) { step in
        var parts = MeasuredValues()
        evaluator.evaluate(
            views: views, scale: 1, gradient: gradient, randomness: StepRandomness(seed: 1, step: step),
            workspace: workspace, parts: &parts)
    }
}

func time(_ name: String, _ workspace: Workspace<CPUBackend>, flops: Int, _ evaluate: (Int) -> Void) {
    let clock = ContinuousClock()
    var seconds: [Double] = []
    let start = clock.now
    while clock.now - start < .seconds(3) || seconds.count < 5 {
        let before = clock.now
        evaluate(seconds.count)
        seconds.append((clock.now - before) / .seconds(1))
    }
    callocations_start()
    evaluate(0)
    let allocations = callocations_stop()
    seconds.sort()
    let milliseconds = [seconds[0], seconds[seconds.count / 2]].map { "\((($0 * 1e5).rounded()) / 100) ms" }
    let megabytes = workspace.capacity * 4 / 100_000
    print(
        "\(name): \(milliseconds.joined(separator: ", median ")), \(Double(megabytes) / 10) MB, "
            + "\(flops / 1_000_000) MFLOP of products, "
            + "\(allocations) allocations")
}
