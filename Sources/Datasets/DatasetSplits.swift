/// Training and test images, normalised with the training set's mean and standard deviation.
package struct DatasetSplits: Sendable {
    package var train: ImageDataset
    package var test: ImageDataset
    /// Labelled images that probes are fitted to, where those are not the training images; none: they are.
    package var probe: ImageDataset?
    /// Images that cannot be read and were left out, as `data.on_unreadable: skip` asks for.
    package var skipped: [SkippedImage] = []

    package init(train: ImageDataset, test: ImageDataset, probe: ImageDataset? = nil) {
        self.train = train
        self.test = test
        self.probe = probe
    }

    /// The fingerprints of the splits by their names in the provenance of results, checksums over samples of their files
    /// where a fingerprint is not over contents, and what was left out.
    ///
    /// A sample has a name of its own, so that runs go on that were begun without one.
    ///
    /// - Throws: `DatasetError` for a file of the sample that cannot be read.
    package var fingerprints: [String: String] {
        get throws {
            var prints: [String: String] = [:]
            for (name, images) in [("train", train), ("test", test)] + (probe.map { [("probe", $0)] } ?? []) {
                prints["dataset_\(name)_fingerprint"] = images.fingerprint
                guard let files = (images.source as? EncodedImages)?.files else { continue }
                prints["dataset_\(name)_sample"] = try ContentSample.checksum(of: files)?.text
            }
            if !skipped.isEmpty {
                let listed = skipped.prefix(20).map { "\($0.name) (\($0.problem))" }.joined(separator: "; ")
                prints["dataset_skipped_images"] = "\(skipped.count): \(listed)" + (skipped.count > 20 ? "; …" : "")
            }
            return prints
        }
    }

    /// Names of the classes 0, 1, … that evaluations tell apart; none where there are only numbers, or no classes.
    package var classNames: [String]? { test.classNames ?? probe?.classNames ?? train.classNames }

    /// The same images shown with another number of channels, where there is a rule for it.
    package func shown(inChannels channels: Int) -> DatasetSplits {
        var copy = self
        copy.train = train.shown(inChannels: channels) ?? train
        copy.test = test.shown(inChannels: channels) ?? test
        copy.probe = probe.map { $0.shown(inChannels: channels) ?? $0 }
        return copy
    }

    /// - Parameter place: What errors call the data set.
    /// - Throws: `DatasetError` where images that evaluations look at have no classes.
    package func checkLabels(place: String) throws {
        for images in [probe ?? train, test] {
            _ = try images.labels(for: "kNN and the linear probe", place: place)
        }
    }

    /// - Parameter place: What errors call the test images.
    /// - Throws: `DatasetError` where there is only one.
    package func checkTestCount(place: String) throws {
        guard test.count > 1 else {
            throw DatasetError(
                place: place, problem: "the test split is a single image",
                remedy: "give two test images or more: evaluations and diagnostics measure how images differ")
        }
    }
}

/// An image that was left out, and why.
package struct SkippedImage: Sendable, Hashable, Codable {
    /// Of its file.
    package let name: String
    package let problem: String
}
