import HDF5
import Safetensors

/// An HDF5 file: every dataset in it, whatever its group.
///
/// Links by name and links to other files are passed over, but for those of this program's own `matrix.h5`, whose runs
/// are compared with their checksums like any other.
struct HDF5Content: FeatureContent {
    private let path: String
    private var found: [FeatureEntry] = []
    private var datasets: [String: HDF5Dataset] = [:]
    private var visited: Set<HDF5Identity> = []
    private var objectCount = 0

    init(path: String) throws {
        self.path = path
        try Self.explained(path, nil) {
            let file = try HDF5File(reading: path)
            let isMatrix = try file.root.attributes.read("format") == .string("cjepa-exp matrix")
            try visit(file.root, prefix: "", depth: 0, followsRuns: isMatrix)
        }
    }

    func entries() -> [FeatureEntry] { found }

    private mutating func visit(_ group: HDF5Group, prefix: String, depth: Int, followsRuns: Bool) throws {
        guard depth <= HDF5Bounds.depth, visited.insert(try group.identity()).inserted else { return }
        for name in try group.childNames() {
            objectCount += 1
            guard objectCount <= HDF5Bounds.members else {
                throw HDF5Error(
                    operation: "list", file: path, object: "/" + prefix + name,
                    message: "the file has more than \(HDF5Bounds.members) objects")
            }
            if followsRuns, prefix == "runs/", let run = run(name, in: group) {
                // Objects of another file are other objects.
                visited = []
                try visit(run, prefix: prefix + name + "/", depth: depth + 1, followsRuns: false)
                continue
            }
            // A link that is not followed hides no array that has no other name.
            guard let kind = try? group.kind(of: name) else { continue }
            switch kind {
            case .group:
                try visit(group.group(name), prefix: prefix + name + "/", depth: depth + 1, followsRuns: followsRuns)
            case .dataset:
                // Nor does one whose values are in another file.
                guard let dataset = try? group.dataset(name) else { continue }
                let isFloating = try dataset.isFloatingPoint()
                datasets[prefix + name] = dataset
                found.append(
                    FeatureEntry(
                        name: prefix + name, shape: try dataset.shape(), type: isFloating ? "float" : "other",
                        isFloatingPoint: isFloating))
            case .other: continue
            }
        }
    }

    /// The run that a link of `matrix.h5` stands for; none where it is damaged, or the link is not as written.
    private func run(_ name: String, in group: HDF5Group) -> HDF5Group? {
        guard let target = group.externalTarget(of: name), target.object == "/", target.file == "\(name)/run.h5",
            name != "..", name != "."
        else { return nil }
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        return try? HDF5File(reading: folder + target.file).root
    }

    func read(_ entry: FeatureEntry) throws -> FeatureArray {
        guard entry.isFloatingPoint else {
            throw FeatureFileError(
                file: path, dataset: entry.name, message: "holds no floating-point numbers",
                remedy: "store the features as float32")
        }
        guard let dataset = datasets[entry.name] else {
            throw FeatureFileError(
                file: path, dataset: entry.name, message: "there is no such array", remedy: "check its name")
        }
        let values = try Self.explained(path, entry.name) { try dataset.read(as: Double.self) }
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
