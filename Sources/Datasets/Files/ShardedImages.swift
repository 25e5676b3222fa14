package import Declarations

/// Images in tar archives, as WebDataset packs them.
package struct ShardedImages: EncodedCollection {
    package static let name = "tar"
    package static let summary = "JPEG, PNG and WebP images in tar shards, as WebDataset packs them"
    package static let keys =
        [
            DataKeys.folder,
            shards("train_shards", ["train-*.tar"], "of the training images"),
            shards("test_shards", ["test-*.tar"], "of the test images"),
            shards("probe_shards", [], "of labelled images that probes are fitted to; none: the training images"),
            DeclaredKey(
                "shard_labels", default: "automatic",
                "Where the class of an image is written. automatic: a member .cls, else label or cls in .json, else the "
                    + "member's folder; cls: .cls; json: .json; folder: the member's folder; none: training images have "
                    + "no classes.", choices: ["automatic", "cls", "json", "folder", "none"],
                synonyms: "label_key target"),
            DeclaredKey(
                "json_label", default: "label", "Name of the class in .json.", synonyms: "label_key json_key"
            ) { $0["shard_labels"] == "json" },
            DeclaredKey(
                "shard_image", default: String?.none,
                "Extension of the member that is the image, jpg say; none: the only one that is an image.",
                synonyms: "image_key extension"),
        ] + DataKeys.encodedImages

    let settings: Settings
    package init(_ settings: Settings) { self.settings = settings }

    package let remedyForMissingFiles =
        "set data.folder, and data.train_shards and data.test_shards to the names of shards in it"

    private static func shards(_ name: String, _ usual: [String], _ what: String) -> DeclaredKey {
        DeclaredKey(
            name, default: usual,
            "Tar shards in data.folder \(what). Braces and globs stand for several: shard-{000..147}.tar.",
            synonyms: "shards urls tars webdataset")
    }

    func trainingSplit() throws -> EncodedSplit {
        try read("train_shards", labels: rule)
    }

    func otherSplits() throws -> (test: EncodedSplit, probe: EncodedSplit?) {
        let known = rule == .none ? .automatic : rule
        let probes: [String] = settings["probe_shards"]
        return (
            try read("test_shards", labels: known), probes.isEmpty ? nil : try read("probe_shards", labels: known)
        )
    }

    private var rule: ShardSamples.LabelRule {
        switch settings["shard_labels", as: String.self] {
        case "cls": .cls
        case "json": .json(settings["json_label"])
        case "folder": .folder
        case "none": .none
        default: .automatic
        }
    }

    private func read(_ key: String, labels: ShardSamples.LabelRule) throws -> EncodedSplit {
        let folder = try folder()
        let patterns: [String] = settings[key]
        let samples = try ShardSamples.read(
            try ShardNames.expand(
                patterns, in: folder, remedy: "set data.\(key) to the names of shards in data.folder"),
            imageExtension: settings["shard_image"], labels: labels, remedy: remedyForMissingFiles, cache: .standard)
        return EncodedSplit(
            files: ShardFiles(samples, folder: folder, remedy: "put the earlier shard back, or start anew"),
            labels: samples.labels, classNames: samples.classNames,
            place: "\(folder)/\(patterns.joined(separator: ", "))")
    }
}
