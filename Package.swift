// swift-tools-version: 6.2
import PackageDescription

/// Settings of every Swift target: imports are private unless said otherwise, and warnings are errors.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
    .treatAllWarnings(as: .error),
]

/// Targets that call C libraries: every use of an unsafe construct is marked as such.
let fenced: [SwiftSetting] = strict + [.strictMemorySafety()]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")

func library(
    _ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = [],
    settings: [SwiftSetting] = strict
) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []
) -> Target {
    .testTarget(
        name: name, dependencies: dependencies + ["TestSupport"], resources: resources, swiftSettings: strict)
}

let package = Package(
    name: "cjepa-exp",
    products: [.executable(name: "cjepa-exp", targets: ["cjepa-exp"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
        // File descriptors and paths in swift-subprocess's interface.
        .package(url: "https://github.com/apple/swift-system", from: "1.5.0"),
    ],
    targets: [
        // C libraries of the system.
        .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"])]),
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .systemLibrary(name: "CJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg62-turbo-dev"])]),
        .systemLibrary(name: "CWebP", pkgConfig: "libwebp", providers: [.apt(["libwebp-dev"])]),
        // What of libjpeg and libpng leaves by longjmp, which Swift must not see.
        .target(name: "CImageCodecs", dependencies: ["CJPEG", "CPNG"]),
        .target(name: "CKernels"),
        // Open MPI's functions, looked up at run time: it is not needed to build.
        .target(name: "CMPI", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        .target(name: "CAllocations"),

        // The engine.
        library("Declarations"),
        library("TensorCore"),
        library("Safetensors"),
        library("Statistics", ["TensorCore"]),
        library("Kernels", ["TensorCore"]),
        library("CPUKernels", ["Kernels", "TensorCore", "COpenBLAS", "CKernels"]),
        library("Networks", ["Declarations", "Kernels", "TensorCore"]),
        library("Masking", ["Declarations", "TensorCore"]),
        library("Expressions", ["Kernels", "TensorCore"]),
        library("Objectives", ["Declarations", "Expressions", "Kernels", "Optimization", "TensorCore"]),
        library("Optimization"),
        library("ImageCodecs", ["CImageCodecs", "CPNG", "CWebP"], settings: fenced),
        library("Pickle"),
        library("PretrainedWeights", ["Kernels", "Networks", "Pickle", "Safetensors", "TensorCore"]),
        library(
            "Datasets", ["Declarations", "HDF5", "ImageCodecs", "Pickle", "Safetensors", "TensorCore", "CZlib"],
            settings: fenced),
        library("Scenes", ["Datasets", "Declarations", "ImageCodecs", "Safetensors", "TensorCore"]),
        library("Diagnostics", ["Declarations", "TensorCore"]),
        library("Evaluation", ["Declarations", "Diagnostics", "Kernels", "TensorCore"]),

        // The experiment.
        library(
            "ExperimentSpec",
            [
                "Datasets", "Declarations", "Evaluation", "Masking", "Networks", "Objectives", "PretrainedWeights",
                "Safetensors", "Scenes", yams,
            ]),
        library(
            "Training",
            [
                "TensorCore", "Safetensors", "Kernels", "Networks", "Masking", "Objectives", "Optimization", "Datasets",
                "Diagnostics", "Evaluation", "ExperimentSpec", "PretrainedWeights",
            ]),
        library("MPI", ["CMPI", "Training"], settings: fenced),
        library("HDF5", ["CHDF5", "CZstd", "CZlib", "Safetensors"], settings: fenced),
        library(
            "RunStore",
            ["HDF5", "Safetensors", "ExperimentSpec", "Declarations", "Diagnostics", "Evaluation", "Objectives"]),
        library(
            "Orchestration",
            [
                "ExperimentSpec", "Declarations", "Evaluation", "Objectives", "RunStore", "Safetensors", subprocess,
                system,
            ]),
        library("Pictures", ["CPNG"], settings: fenced),
        library("FeatureFiles", ["HDF5", "Safetensors", "CZlib"], settings: fenced),
        library(
            "Analysis",
            [
                "RunStore", "HDF5", "Safetensors", "FeatureFiles", "Statistics",
                "Diagnostics", "Evaluation", "ExperimentSpec", "Declarations", "Objectives", "CZlib",
            ],
            // In the program itself, which stays one file.
            resources: [.embedInCode("Resources/published-figures.json")]),
        .executableTarget(
            name: "cjepa-exp",
            dependencies: [
                argumentParser, "CAllocations", "Declarations", "TensorCore", "Safetensors", "CPUKernels", "Masking",
                "Objectives",
                "Datasets", "ImageCodecs", "Scenes",
                "Diagnostics", "Evaluation", "ExperimentSpec", "Training", "MPI", "RunStore", "HDF5", "Orchestration",
                "Pictures", "FeatureFiles", "Analysis", "Statistics", "PretrainedWeights",
            ],
            swiftSettings: strict),

        // Tests.
        .target(
            name: "TestSupport", dependencies: ["TensorCore", "Kernels", "Safetensors"], path: "Tests/TestSupport",
            swiftSettings: strict),
        tests("TensorCoreTests", ["TensorCore"]),
        tests("SafetensorsTests", ["Safetensors"]),
        tests("StatisticsTests", ["Statistics", "TensorCore"]),
        tests("KernelsTests", ["Kernels", "TensorCore"]),
        tests("BackendConformanceTests", ["CPUKernels", "CKernels", "Kernels", "TensorCore"]),
        tests("NetworksTests", ["Networks", "Safetensors", "Kernels", "TensorCore"]),
        tests("MaskingTests", ["Masking", "Declarations", "TensorCore"]),
        tests("ExpressionsTests", ["Expressions", "Kernels", "TensorCore"]),
        tests(
            "ObjectivesTests",
            [
                "Objectives", "Declarations", "Expressions", "CAllocations", "CPUKernels", "Safetensors", "Kernels",
                "TensorCore",
            ]),
        tests("OptimizationTests", ["Optimization", "Kernels", "TensorCore"]),
        tests("ImageCodecsTests", ["ImageCodecs"]),
        tests("PickleTests", ["Pickle"]),
        tests(
            "PretrainedWeightsTests",
            ["PretrainedWeights", "CPUKernels", "Kernels", "Networks", "Safetensors", "TensorCore"]),
        tests("DatasetsTests", ["Datasets", "Declarations", "HDF5", "TensorCore"]),
        tests("ScenesTests", ["Scenes", "Datasets", "Declarations", "ImageCodecs", "TensorCore"]),
        tests("DiagnosticsTests", ["Diagnostics", "TensorCore"]),
        tests(
            "EvaluationTests", ["Evaluation", "CPUKernels", "Declarations", "Diagnostics", "Kernels", "TensorCore"]),
        tests(
            "ExperimentSpecTests",
            [
                "ExperimentSpec", "Datasets", "Declarations", "Evaluation", "Masking", "Networks", "Objectives",
                "PretrainedWeights", "Safetensors",
            ]),
        tests(
            "TrainingTests",
            [
                "Training", "CPUKernels", "Kernels", "TensorCore", "Networks", "Masking", "Objectives", "Optimization",
                "Datasets", "Declarations", "ExperimentSpec", "Evaluation", "Diagnostics", "PretrainedWeights",
                "Safetensors",
            ]),
        tests("HDF5Tests", ["HDF5"]),
        tests("RunStoreTests", ["RunStore", "HDF5", "ExperimentSpec", "Declarations", "TensorCore", "Safetensors"]),
        tests(
            "OrchestrationTests",
            ["Orchestration", "ExperimentSpec", "Declarations", "Objectives", "RunStore", "Safetensors"]),
        tests("PicturesTests", ["Pictures"]),
        tests(
            "AnalysisTests",
            [
                "Analysis", "FeatureFiles", "Statistics", "RunStore", "ExperimentSpec", "Declarations", "Diagnostics",
                "Safetensors", "TensorCore",
            ]),
        tests(
            "ExtensionTests",
            [
                "cjepa-exp", "Analysis", "CPUKernels", "Datasets", "Declarations", "Diagnostics", "Evaluation",
                "ExperimentSpec", "Kernels", "Masking", "Networks", "Objectives", "Orchestration", "RunStore",
                "Safetensors", "TensorCore", "Training",
            ]),
        tests(
            "CommandTests",
            [
                "cjepa-exp", "Analysis", "Datasets", "Declarations", "ExperimentSpec", "HDF5", "Masking", "Networks",
                "Orchestration", "Pictures",
                "RunStore", "Safetensors", "Training", argumentParser,
            ]),
    ],
    swiftLanguageModes: [.v6]
)
