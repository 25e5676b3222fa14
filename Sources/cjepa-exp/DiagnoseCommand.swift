import Analysis
import ArgumentParser
import Diagnostics
import FeatureFiles
import RunStore

/// `cjepa-exp diagnose`: collapse diagnostics of a matrix of features in a file.
struct DiagnoseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diagnose", abstract: "Measure a matrix of features and judge whether it has collapsed.",
        discussion: """
            Reads .npy, .npz, HDF5 and safetensors files of float16, bfloat16, float32 or float64, a run's run.h5, and \
            the .csv, .tsv and .parquet files that export writes. Every number is shown with its convention, since the \
            same matrix gives 16, 96 or 306 as “its rank”.
            """)

    @Argument(help: "A file that holds features.", completion: .file())
    var file: String

    @Option(
        help: """
            Name of the array; needed only if several could be features. Default for a run.h5: the target encoder's last \
            features.
            """)
    var dataset: String?

    @Flag(help: "The array is [objects, views, D]: show LiDAR too.")
    var views = false

    @Flag(help: "The array is [images, patches, D]: show image-level, patch-level and within-image diagnostics.")
    var patches = false

    @Flag(
        help: "The features come from a LayerNorm or otherwise have unit scale: a small std alone counts as collapse.")
    var unitScale = false

    @Option(
        name: .customLong("as"),
        help: ArgumentHelp(
            "Show the same quantities as these libraries define them: "
                + LibraryConvention.all.map(\.name).joined(separator: ", ") + ", or all.", valueName: "library,…"))
    var libraries: String?

    @Option(help: "A rank divided by the width below this counts as dimensional collapse.")
    var rankShare = 0.05

    @Option(help: "A std of unit-scale features below this counts as complete collapse.")
    var standardDeviation = 0.02

    @Option(help: "Seed for sampling rows if there are too many.")
    var seed: UInt64 = 0

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if views && patches {
            throw ValidationError("--views and --patches read the same array in two ways; give only one.")
        }
        guard (0...1).contains(rankShare) else {
            throw ValidationError("--rank-share takes a share from 0 to 1, not \(rankShare).")
        }
        guard standardDeviation >= 0 else {
            throw ValidationError("--standard-deviation cannot be negative, but is \(standardDeviation).")
        }
        _ = try chosenLibraries()
    }

    func run() throws {
        let axes = views || patches ? 3 : 2
        let source = try FeatureFile(path: file)
        // An array of three axes is offered where there is no matrix, so that the error can say what to do.
        let hasMatrix = source.entries.contains { $0.isFloatingPoint && $0.shape.count == axes }
        let stored = axes == 2 ? RunFormat.mainEmbeddings(among: source.entries.map(\.name)) : nil
        let array = try source.array(dataset ?? stored) { $0.mayHoldFeatures && (!hasMatrix || $0.shape.count == axes) }
        let diagnosis = try FileDiagnosis(
            of: array, file: file, layout: views ? .views : patches ? .patches : .matrix,
            libraries: try chosenLibraries(), hasKnownScale: unitScale,
            thresholds: VerdictThresholds(rankShare: rankShare, standardDeviation: standardDeviation), seed: seed)
        print(json ? String(decoding: try StoredJSON.encode(diagnosis), as: UTF8.self) : diagnosis.text)
    }

    private func chosenLibraries() throws -> [LibraryConvention] {
        guard let libraries else { return [] }
        let names = libraries.split(separator: ",").map(String.init)
        if names == ["all"] { return LibraryConvention.all }
        return try names.map { name in
            guard let library = LibraryConvention.all.first(where: { $0.name == name }) else {
                let known = LibraryConvention.all.map(\.name).joined(separator: ", ")
                throw ValidationError("--as does not know “\(name)”. Known: \(known), all.")
            }
            return library
        }
    }
}
