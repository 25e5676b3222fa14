import HDF5

/// An array of numbers from a file, row-major.
package struct FeatureArray: Sendable, Hashable {
    /// Its name in the file; empty for a file of one array.
    package let name: String
    /// Extents, slowest first.
    package let shape: [Int]
    /// The element type as the file calls it: "<f4", "BF16".
    package let type: String
    /// Rounded to float32.
    package let values: [Float]

    /// - Precondition: As many values as the shape has.
    init(name: String, shape: [Int], type: String, values: [Float]) {
        // Extents beside a zero may be of any size, also where their product is none.
        precondition(
            values.count == (shape.contains(0) ? 0 : shape.reduce(1, *)), "\(values.count) values of shape \(shape)")
        self.name = name
        self.shape = shape
        self.type = type
        self.values = values
    }
}

/// What a file holds, before anything is read.
package struct FeatureEntry: Sendable, Hashable {
    package let name: String
    package let shape: [Int]
    package let type: String
    /// Whether elements are floating-point numbers.
    package let isFloatingPoint: Bool

    /// Whether it may hold features: [rows, D], [n, q, D] or [B, N, D].
    package var mayHoldFeatures: Bool { isFloatingPoint && (2...3).contains(shape.count) }

    /// "features [500, 96] <f4".
    package var description: String { "\(name) \(shape) \(type)" }
}

/// A file of arrays: .npy, .npz, HDF5, Parquet, safetensors or text, told apart by its first bytes or its name.
package struct FeatureFile {
    package let path: String
    /// In the order of their names.
    package let entries: [FeatureEntry]
    private let content: any FeatureContent

    /// - Throws: `FeatureFileError`.
    package init(path: String) throws {
        self.path = path
        content = try Self.content(of: path)
        entries = try content.entries().sorted { $0.name < $1.name }
    }

    /// The array of that name, or the only one that may hold features.
    ///
    /// - Parameter isWanted: Which entries come into question where no name is given.
    /// - Throws: `FeatureFileError` that lists what there is.
    package func array(
        _ name: String?, where isWanted: (FeatureEntry) -> Bool = \.mayHoldFeatures
    ) throws -> FeatureArray {
        let known = entries.map(\.description).joined(separator: ", ")
        if let name {
            let plain = name.hasPrefix("/") ? String(name.dropFirst()) : name
            guard let entry = entries.first(where: { $0.name == plain }) else {
                throw FeatureFileError(
                    file: path, dataset: name, message: "there is no such array",
                    remedy: entries.isEmpty ? "the file holds none" : "there are: \(known)")
            }
            return try content.read(entry)
        }
        let candidates = entries.filter(isWanted)
        guard let only = candidates.first else {
            throw FeatureFileError(
                file: path, message: "holds no floating-point array of two or three axes",
                remedy: entries.isEmpty ? "it holds no arrays at all" : "it has: \(known)")
        }
        guard candidates.count == 1 else {
            throw FeatureFileError(
                file: path, message: "holds several arrays that may be features",
                remedy: "choose one with --dataset: " + candidates.map(\.description).joined(separator: ", "))
        }
        return try content.read(only)
    }

    private static func content(of path: String) throws -> any FeatureContent {
        let start = try FileBytes.start(of: path, count: 8)
        if start.starts(with: NumPyArray.magic) { return try NumPyContent(path: path) }
        if start.starts(with: [0x50, 0x4b, 0x03, 0x04]) || start.starts(with: [0x50, 0x4b, 0x05, 0x06]) {
            return try NumPyArchive(path: path)
        }
        // A damaged one is to be told what it is.
        if HDF5File.isBeginning(start) || path.hasSuffix("/run.h5") { return try HDF5Content(path: path) }
        if path.hasSuffix(".safetensors") { return try SafetensorsContent(path: path) }
        if ParquetContent.isBeginning(start) { return try ParquetContent(path: path) }
        if let separator = TextContent.separator(ofFile: path), !start.isEmpty {
            return try TextContent(path: path, separator: separator)
        }
        throw FeatureFileError(
            file: path, message: start.isEmpty ? "is empty" : "is in an unknown format",
            remedy: "give a .npy, .npz, .h5, .safetensors, .csv, .tsv or .parquet file")
    }
}

/// One format's way to its arrays.
protocol FeatureContent {
    func entries() throws -> [FeatureEntry]
    /// - Throws: `FeatureFileError`.
    func read(_ entry: FeatureEntry) throws -> FeatureArray
}

extension FeatureContent {
    /// Doubles as floats; one that is finite and too large for float32 is an error.
    func narrowed(_ values: [Double], file: String, dataset: String) throws -> [Float] {
        try FloatRange.check(largest: values.lazy.filter(\.isFinite).map(abs).max() ?? 0, file: file, dataset: dataset)
        return try values.map { value in
            let narrow = Float(value)
            guard narrow.isFinite || !value.isFinite else {
                throw FeatureFileError(
                    file: file, dataset: dataset, message: "the value \(value) does not fit float32",
                    remedy: "divide the features by a constant: only std_mean, std_min and variances change with it")
            }
            return narrow
        }
    }
}
