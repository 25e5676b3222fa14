import ArgumentParser
import Datasets
import ExperimentSpec
import Foundation

/// `cjepa-exp data`: looks at images before anything is trained on them.
struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data", abstract: "Check images, count them, look at them, and see what training sees.",
        discussion: """
            The images are those of a spec, of a pack, or of a folder: class folders inside of train and val or test, \
            class folders, or images alone.
            """,
        subcommands: [
            DataCheckCommand.self, DataStatsCommand.self, DataSampleCommand.self, DataDecodeCommand.self,
            DataPackCommand.self, DataRateCommand.self,
            DataMakeCommand.self,
        ])
}

/// Which images a command of `data` looks at.
struct DataOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp("A spec, a folder of images, or a pack.", valueName: "spec|folder"), completion: .file())
    var place: String

    @Option(help: "Of a spec: the arm whose images are meant. (default: the baseline)")
    var arm: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Override a key of the spec; may be repeated.", valueName: "key.path=value"),
        completion: ShellCompletion.setting)
    var overrides: [String] = []

    /// - Parameter keepsAll: As `DataImages` has it.
    /// - Throws: `SpecErrors`, `DatasetError`, `UnusableInput`.
    func open(keepsAll: Bool = false) throws -> DataImages {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: place, isDirectory: &isFolder)
        if exists, isFolder.boolValue {
            guard arm == nil, overrides.isEmpty else {
                throw UnusableInput(
                    place: place, problem: "is a folder, to which --arm and --set do not apply",
                    remedy: "leave them out, or give a spec")
            }
            return try DataImages(folder: place)
        }
        if exists, !place.hasSuffix(".spec"), let format = DataImages.imageFormat(of: place) {
            throw UnusableInput(
                place: place, problem: "is a \(format) image, where a spec or a folder is needed",
                remedy: "give the folder that it lies in; `cjepa-exp data decode` takes a single image")
        }
        if exists, Pack.isPack(place) { return try DataImages(pack: place) }
        let experiment = try loadSpec(place, overrides: overrides)
        return try DataImages(
            experiment.run(ofArm: arm, spec: place).configuration, spec: place, keepsAll: keepsAll)
    }
}
