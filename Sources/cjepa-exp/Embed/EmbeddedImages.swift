import Datasets
import ExperimentSpec
import Foundation
import Training

/// The images whose features are wanted, as an encoder sees them.
struct EmbeddedImages {
    /// Which images, and what the user says of how they are shown.
    struct Choice {
        /// A spec, a folder or a pack; none: the data of the encoder's run.
        var place: String?
        var arm: String?
        var overrides: [String] = []
        /// Where the files of the run's data lie now.
        var dataFolder: String?
        /// "train" or "test"; none: the test images where there are such.
        var split: String?
        var normalization: Normalization?
        /// Pixels.
        var shortSide: Int?
        var interpolation: Interpolation?

        /// An option that says how images are shown; none where none is given.
        var viewOption: String? {
            normalization != nil
                ? "--mean" : shortSide != nil ? "--short-side" : interpolation != nil ? "--interpolation" : nil
        }
    }

    let images: ImageDataset
    /// "train", "test", or "images" of a folder without splits.
    let split: String
    let place: String

    /// - Throws: `SpecErrors`, `DatasetError`, `UnusableInput`; also where there are no images.
    init(_ choice: Choice, for encoder: EncoderSource) throws {
        try self.init(any: choice, encoder)
        guard images.count > 0 else {
            throw UnusableInput(place: place, problem: "has no images", remedy: "give others, or another --split")
        }
    }

    private init(any choice: Choice, _ encoder: EncoderSource) throws {
        guard let place = choice.place else {
            try self.init(ofRun: encoder, choice)
            return
        }
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: place, isDirectory: &isFolder)
        if exists, isFolder.boolValue || Pack.isPack(place) {
            try self.init(files: place, isFolder: isFolder.boolValue, choice, encoder)
        } else {
            try self.init(spec: place, choice, encoder)
        }
    }

    private init(ofRun encoder: EncoderSource, _ choice: Choice) throws {
        guard let run = encoder.run else {
            throw UnusableInput(
                place: encoder.name, problem: "does not say which images are meant", remedy: "name them by --data")
        }
        try Self.refuse(choice.viewOption, "the run's own images", "images in a folder or a pack")
        try Self.refuse(
            choice.arm != nil ? "--arm" : choice.overrides.isEmpty ? nil : "--set", "the run's own images", "a spec")
        var cache = SplitsCache(folder: choice.dataFolder)
        let splits = try cache.load(run.configuration, trainedOn: run.provenance)
        (images, split) = choice.split == "train" ? (splits.train, "train") : (splits.test, "test")
        place = choice.dataFolder ?? run.configuration.dataPlace
    }

    private init(spec place: String, _ choice: Choice, _ encoder: EncoderSource) throws {
        try Self.refuse(choice.viewOption, "a spec", "images in a folder or a pack; set the keys of data in the spec")
        try Self.refuse(choice.dataFolder == nil ? nil : "--data-folder", "a spec", "the run's own images")
        let configuration = try loadSpec(place, overrides: choice.overrides).run(ofArm: choice.arm, spec: place)
            .configuration
        let weights = encoder.weights
        let splits = try configuration.imageCollection(at: nil).open(
            for: ModelInput(channels: weights.channels, imageSize: weights.imageSize, progress: Console.scanning))
        (images, split) = choice.split == "train" ? (splits.train, "train") : (splits.test, "test")
        self.place = place
    }

    private init(files place: String, isFolder: Bool, _ choice: Choice, _ encoder: EncoderSource) throws {
        let words = isFolder ? "a folder" : "a pack"
        try Self.refuse(choice.arm != nil ? "--arm" : choice.overrides.isEmpty ? nil : "--set", words, "a spec")
        try Self.refuse(choice.dataFolder == nil ? nil : "--data-folder", words, "the run's own images")
        let data = try isFolder ? DataImages(folder: place) : DataImages(pack: place)
        let found = try Self.split(choice.split, of: data)
        let weights = encoder.weights
        guard var shown = found.images.shown(inChannels: weights.channels) else {
            throw UnusableInput(
                place: place,
                problem: "has images of \(found.images.channels) channels, but the encoder takes "
                    + "\(weights.channels)",
                remedy: "give images that it can see")
        }
        let usual = try Self.usualView(choice, encoder, place: place)
        if let normalization = usual.normalization.converted(toChannels: weights.channels) {
            shown.normalization = normalization
        }
        shown.view = usual.view
        images = shown
        (split, self.place) = (found.name, place)
    }

    private static func refuse(_ option: String?, _ given: String, _ wanted: String) throws {
        guard let option else { return }
        throw UnusableInput(
            place: option, problem: "does not apply to \(given)", remedy: "leave it out; it is for \(wanted)")
    }

    /// The training images are called so; the test images are those of `test`, else those behind the training images.
    private static func split(
        _ wanted: String?, of data: DataImages
    ) throws -> (name: String, images: ImageDataset) {
        let (train, others) = (data.splits.first { $0.name == "train" }, data.splits.filter { $0.name != "train" })
        let test = train == nil ? nil : others.first { $0.name == "test" } ?? others.first
        switch wanted {
        case "train": if let train { return ("train", train.images) }
        case "test": if let test { return ("test", test.images) }
        default:
            if let test { return ("test", test.images) }
            if let only = data.splits.first { return (only.name, only.images) }
        }
        throw UnusableInput(
            place: data.place,
            problem: wanted.map { "has no \($0) images of their own" } ?? "has no images",
            remedy: "leave --split out, or give a folder with train, and val or test")
    }

    /// How images in a folder are shown: as the user says, else as the encoder's run was shown its own.
    private static func usualView(
        _ choice: Choice, _ encoder: EncoderSource, place: String
    ) throws -> (normalization: Normalization, view: EvaluationView) {
        let side = encoder.weights.imageSize
        var (normalization, view) = (
            DataImages.imageNet, EvaluationView(shortSide: Int((Double(side) * 256 / 224).rounded()))
        )
        if let run = encoder.run, choice.normalization == nil || choice.shortSide == nil {
            do {
                let own = try DatasetSplits.load(run.configuration, progress: Console.scanning)
                normalization = own.train.normalization
                // Images that were shown whole are squares of that side, as a rule.
                view = EvaluationView(
                    shortSide: own.test.view.shortSide ?? side, interpolation: own.test.view.interpolation)
            } catch let error as DatasetError {
                throw UnusableInput(
                    place: error.place,
                    problem: "how \(encoder.name) was shown its images cannot be found out: \(error.problem)",
                    remedy: "\(error.remedy); or say it by --mean, --std and --short-side")
            }
        }
        if let stated = encoder.stated {
            (normalization, view) = (stated.normalization, stated.view)
            Console.note("note: \(place): images are shown as \(stated.file) says")
        }
        if let given = choice.normalization { normalization = given }
        view = EvaluationView(
            shortSide: choice.shortSide ?? view.shortSide, interpolation: choice.interpolation ?? view.interpolation)
        return (normalization, view)
    }
}
