import HDF5
import Safetensors

/// An HDF5 file: every dataset in it, whatever its group.
struct HDF5Content: FeatureContent {
    private let path: String
    private let root: HDF5Group

    init(path: String) throws {
        self.path = path
        root = try Self.explained(path, nil) { try HDF5File(reading: path).root }
    }

    func entries() throws -> [FeatureEntry] {
        var entries: [FeatureEntry] = []
        try Self.explained(path, nil) { try visit(root, prefix: "", &entries) }
        return entries
    }

    /// Groups within groups that are looked into.
    private static let deepest = 16

    private func visit(_ group: HDF5Group, prefix: String, _ entries: inout [FeatureEntry]) throws {
        for name in try group.childNames() {
            // A link that leads nowhere hides no array; one may also lead back to where it lies.
            guard let kind = try? group.kind(of: name) else { continue }
            switch kind {
            case .group where prefix.count(where: { $0 == "/" }) < Self.deepest:
                try visit(group.group(name), prefix: prefix + name + "/", &entries)
            case .dataset:
                let dataset = try group.dataset(name)
                let isFloating = try dataset.isFloatingPoint()
                entries.append(
                    FeatureEntry(
                        name: prefix + name, shape: try dataset.shape(), type: isFloating ? "float" : "other",
                        isFloatingPoint: isFloating))
            default: continue
            }
        }
    }

    func read(_ entry: FeatureEntry) throws -> FeatureArray {
        guard entry.isFloatingPoint else {
            throw FeatureFileError(
                file: path, dataset: entry.name, message: "holds no floating-point numbers",
                remedy: "store the features as float32")
        }
        let values = try Self.explained(path, entry.name) { try root.dataset(entry.name).read(as: Double.self) }
        return FeatureArray(
            name: entry.name, shape: entry.shape, type: entry.type,
            values: try narrowed(values, file: path, dataset: entry.name))
    }

    /// Errors of the library as errors of the file that was given.
    private static func explained<Result>(
        _ path: String, _ dataset: String?, _ body: () throws -> Result
    ) throws -> Result {
        do {
            return try body()
        } catch let error as HDF5Error {
            throw FeatureFileError(
                file: path, dataset: dataset, message: "cannot be read (\(error.message))",
                remedy: "if it opens in h5py, store it there without compression, or with gzip or zstd")
        }
    }
}

/// A safetensors file.
struct SafetensorsContent: FeatureContent {
    private let path: String
    private let file: SafetensorsFile

    init(path: String) throws {
        self.path = path
        do {
            file = try SafetensorsFile(path: path)
        } catch let error as SafetensorsError {
            throw FeatureFileError(
                file: path, dataset: error.tensor, message: error.message, remedy: error.remedy)
        }
    }

    func entries() -> [FeatureEntry] {
        file.tensors.map { name, tensor in
            FeatureEntry(
                name: name, shape: tensor.shape, type: tensor.dataType.rawValue,
                isFloatingPoint: [.float64, .float32, .float16, .bfloat16].contains(tensor.dataType))
        }
    }

    func read(_ entry: FeatureEntry) throws -> FeatureArray {
        do {
            return FeatureArray(
                name: entry.name, shape: entry.shape, type: entry.type,
                values: try narrowed(file.tensor(entry.name).doubles(), file: path, dataset: entry.name))
        } catch let error as SafetensorsError {
            throw FeatureFileError(file: path, dataset: entry.name, message: error.message, remedy: error.remedy)
        }
    }
}
