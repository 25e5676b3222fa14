import TensorCore

/// Images of a source with their classes: which of them, in what order, and how they are shown to a network.
///
/// A value is light; pixels stay with the source.
package struct ImageDataset: Sendable {
    package let name: String
    package let source: any ImageSource
    /// Number of images n.
    package var count: Int { sourceIndices.count }
    /// Class of each image, [n], 0..<classCount; none where the images have no classes.
    package let labels: [Int32]?
    package let classCount: Int
    /// Names of the classes; none where there are only numbers.
    package var classNames: [String]?
    /// Channels that images are shown with: a colour image in one channel is its luma, a grey one in three is three times
    /// the same.
    package private(set) var channels: Int
    /// What images are normalised with: that of the whole training set, for the test set and subsets too.
    package var normalization: Normalization
    /// How evaluations look at an image.
    package var view = EvaluationView.whole
    /// 16 hexadecimal digits over images and labels, for provenance; not cryptographic.
    package let fingerprint: String
    /// Where each image stands in the files that it came from, [n].
    package let sourceIndices: [Int32]

    private let hash: Fingerprint

    /// All images of a source.
    ///
    /// - Parameters:
    ///   - labels: One for each image; none: the images have no classes.
    ///   - normalization: One number for each channel of the source.
    package init(
        name: String, source: any ImageSource, labels: [Int32]?, classCount: Int, classNames: [String]? = nil,
        normalization: Normalization
    ) {
        precondition(
            labels.map { $0.count == source.count } ?? true,
            "\(labels?.count ?? 0) labels for \(source.count) images")
        precondition(
            normalization.mean.count == source.channels,
            "\(normalization.mean.count) means for \(source.channels) channels")
        var hash = source.fingerprint
        for label in labels ?? [] { hash.add(UInt64(UInt32(bitPattern: label))) }
        self.init(
            name: name, source: source, labels: labels, classCount: classCount, classNames: classNames,
            channels: source.channels, normalization: normalization, view: .whole,
            sourceIndices: Array(0..<Int32(source.count)), hash: hash)
    }

    private init(
        name: String, source: any ImageSource, labels: [Int32]?, classCount: Int, classNames: [String]?, channels: Int,
        normalization: Normalization, view: EvaluationView, sourceIndices: [Int32], hash: Fingerprint
    ) {
        self.name = name
        self.source = source
        self.labels = labels
        self.classCount = classCount
        self.classNames = classNames
        self.channels = channels
        self.normalization = normalization
        self.view = view
        self.sourceIndices = sourceIndices
        self.hash = hash
        fingerprint = hash.text
    }

    /// Images of one size, in memory.
    ///
    /// - Parameters:
    ///   - pixels: [n, channels, height, width].
    ///   - normalization: None: computed from the pixels.
    package init(
        name: String, channels: Int, height: Int, width: Int, classCount: Int, pixels: [UInt8], labels: [Int32]?,
        normalization: Normalization? = nil
    ) {
        let source = InMemoryImages(
            ImageGeometry(channels: channels, height: height, width: width), pixels: pixels)
        self.init(
            name: name, source: source, labels: labels, classCount: classCount,
            normalization: normalization
                ?? Normalization(pixels: pixels, channels: channels, plane: height * width))
    }

    /// Name of an image for people: of its file, else its place in its split.
    package func name(of image: Int) -> String? { source.name(of: Int(sourceIndices[image])) }

    /// Names of all images' files, [n]; none unless every image has one.
    package var names: [String]? {
        guard count > 0, name(of: 0) != nil else { return nil }
        let found = (0..<count).compactMap(name(of:))
        return found.count == count ? found : nil
    }

    /// Height and width of an image, where that is known without reading it.
    package func size(of image: Int) -> ImageSize? { source.size(of: Int(sourceIndices[image])) }

    /// Tells images from others of the same names, as far as that can be seen without opening them.
    package var state: String {
        var state = Fingerprint()
        if let encoded = source as? EncodedImages { encoded.files.addState(to: &state) }
        return fingerprint + state.text
    }

    /// The labels, for what cannot do without.
    ///
    /// - Parameters:
    ///   - purpose: "kNN and the linear probe".
    ///   - place: What errors call the images; none: the name of the data set.
    /// - Throws: `DatasetError` where there are none.
    package func labels(for purpose: String, place: String? = nil) throws -> [Int32] {
        guard let labels else {
            throw DatasetError(
                place: place ?? name, problem: "the images have no classes, which \(purpose) need",
                remedy: "give labelled images to evaluate on, as data.probe_list and data.probe_shards do; training "
                    + "needs none")
        }
        return labels
    }
}

// MARK: Choosing

extension ImageDataset {
    /// A seeded choice of `count` images in their original order, normalised as the whole.
    ///
    /// - Throws: `DatasetError` if there are not that many.
    package func subset(count wanted: Int, seed: UInt64) throws -> ImageDataset {
        guard wanted > 0 && wanted <= count else {
            throw DatasetError(
                place: name, problem: "a subset of \(wanted) images was asked for, but there are only \(count)",
                remedy: "use a subset of 1 to \(count) images")
        }
        var random = RandomStream(seed: seed, purpose: .subset)
        var order = Array(0..<count)
        random.shuffle(&order)
        return choosing(order.prefix(wanted).sorted())
    }

    /// These images, in this order.
    package func choosing(_ places: [Int]) -> ImageDataset {
        var hash = hash
        if !places.elementsEqual(0..<count) { for place in places { hash.add(UInt64(place)) } }
        return ImageDataset(
            name: name, source: source, labels: labels.map { labels in places.map { labels[$0] } },
            classCount: classCount, classNames: classNames, channels: channels, normalization: normalization,
            view: view, sourceIndices: places.map { sourceIndices[$0] }, hash: hash)
    }

    /// All but these images: those that cannot be read.
    package func excluding(_ places: Set<Int>) -> ImageDataset {
        places.isEmpty ? self : choosing((0..<count).filter { !places.contains($0) })
    }

    /// The same images shown with another number of channels.
    ///
    /// - Returns: None where there is no rule for it: from or to other than 1 and 3.
    package func shown(inChannels wanted: Int) -> ImageDataset? {
        guard wanted != channels else { return self }
        guard let converted = normalization.converted(toChannels: wanted) else { return nil }
        var copy = self
        copy.channels = wanted
        copy.normalization = converted
        return copy
    }
}
