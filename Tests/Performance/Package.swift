// swift-tools-version: 6.2
import PackageDescription

// Times single kernels, regularisers and decoders of images. A package of its own, so that the project builds and is tested without oneDNN;
// the engine's modules are links into the project, since nothing of them is public.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
]

let package = Package(
    name: "performance",
    targets: [
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .target(name: "COneDNN", linkerSettings: [.linkedLibrary("dnnl")]),
        .target(name: "CAllocations"),
        .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .systemLibrary(name: "CJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg62-turbo-dev"])]),
        .systemLibrary(name: "CWebP", pkgConfig: "libwebp", providers: [.apt(["libwebp-dev"])]),
        .target(name: "CImageCodecs", dependencies: ["CJPEG", "CPNG"]),
        .target(name: "ImageCodecs", dependencies: ["CImageCodecs", "CPNG", "CWebP"], swiftSettings: strict),
        .target(name: "CKernels"),
        .target(name: "Declarations", swiftSettings: strict),
        .target(name: "TensorCore", swiftSettings: strict),
        .target(name: "Kernels", dependencies: ["TensorCore"], swiftSettings: strict),
        .target(
            name: "CPUKernels", dependencies: ["Kernels", "TensorCore", "COpenBLAS", "CKernels"], swiftSettings: strict),
        .target(name: "Expressions", dependencies: ["Kernels", "TensorCore"], swiftSettings: strict),
        .target(
            name: "Objectives", dependencies: ["Declarations", "Expressions", "Kernels", "TensorCore"],
            swiftSettings: strict),
        .executableTarget(
            name: "objective-timings",
            dependencies: [
                "CAllocations", "CPUKernels", "Declarations", "Expressions", "Kernels", "Objectives", "TensorCore",
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "image-timings", dependencies: ["CAllocations", "CJPEG", "ImageCodecs"], swiftSettings: strict),
        .executableTarget(
            name: "kernel-timings", dependencies: ["CPUKernels", "CKernels", "COpenBLAS", "COneDNN"],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
