package import Declarations
import Foundation
import HDF5
import Safetensors

/// Encoded images that are the elements of an array in an HDF5 file.
struct HDF5Elements: EncodedFiles {
    let file: HDF5File
    private let dataset: HDF5Dataset
    private let runs: HDF5Runs
    let count: Int
    private let remedy: String
    /// Open beside the library, so that a change of the file is noticed.
    private let original: PositionalFile
    /// XXH64 of the whole file.
    private let contents: UInt64

    /// Reads the whole file once, unless that was done before.
    ///
    /// - Throws: `DatasetError` for files and arrays that are missing, damaged, or no encoded images.
    init(path: String, array: String, remedy: String) throws {
        self.remedy = remedy
        original = try PositionalFile(path: path, remedy: remedy)
        func failure(_ problem: String) -> DatasetError {
            DatasetError(place: "\(path): \(array)", problem: problem, remedy: remedy)
        }
        do {
            file = try HDF5File(reading: path)
            dataset = try file.root.dataset(array)
            guard try dataset.holdsRunsOfBytes() else {
                throw failure(
                    "holds no runs of bytes of variable length; data.dataset: hdf5 reads arrays of pixels")
            }
            let shape = try dataset.shape()
            guard shape.count == 1, shape[0] > 0 else { throw failure("has the shape \(shape) instead of [n]") }
            count = shape[0]
        } catch let error as HDF5Error {
            throw DatasetError(place: path, problem: "\(error.object): \(error.message)", remedy: remedy)
        }
        // An element takes more than a byte of the file, and what is kept of each is not taken on the file's word.
        guard count <= min(original.size, Int(Int32.max)) else {
            throw failure("claims \(count) images in a file of \(original.size) bytes")
        }
        do {
            runs = try HDF5Runs(dataset, count: count, in: original)
        } catch let error as HDF5Error {
            throw DatasetError(place: path, problem: "\(error.object): \(error.message)", remedy: remedy)
        }
        var key = Fingerprint()
        key.add("\(path) \(original.stamp)")
        let source = original
        contents = try ScanCache.standard.value("contents", key, isValid: { _ in true }) {
            var hash = XXH64()
            var piece: [UInt8] = []
            for start in stride(from: 0, to: source.size, by: 1 << 22) {
                try source.read(at: start, count: min(1 << 22, source.size - start), into: &piece)
                unsafe piece.withUnsafeBytes { unsafe hash.append($0) }
            }
            return hash.value
        }
    }

    func name(of image: Int) -> String { "\(dataset.path)[\(image)]" }
    func place(of image: Int) -> String { "\(file.path): \(name(of: image))" }

    func add(to fingerprint: inout Fingerprint) {
        fingerprint.add(dataset.path)
        fingerprint.add(UInt64(count))
        fingerprint.add(contents)
    }

    func addState(to fingerprint: inout Fingerprint) { fingerprint.add(original.path) }

    func version(of image: Int) -> String? { "\(contents)" }

    func read(_ image: Int, limit: Int, into bytes: inout [UInt8]) throws -> Int {
        try original.checkUnchanged()
        let size: Int?
        do {
            size = try runs.read(image, limit: limit, into: &bytes)
        } catch let error as DatasetError where error.isAboutBytes {
            throw DatasetError(
                place: place(of: image), problem: error.problem, remedy: remedy, isAboutBytes: true)
        }
        guard let size else {
            throw DatasetError(
                place: place(of: image), problem: "has more bytes than the limit of \(limit)",
                remedy: "raise data.max_bytes if the file can be trusted, or make the picture smaller",
                isAboutBytes: true)
        }
        return size
    }
}

/// Encoded images, and their classes, as arrays in HDF5 files of one's own.
package struct HDF5Files: EncodedCollection {
    package static let name = "hdf5_encoded"
    package static let summary =
        "JPEG, PNG and WebP images as arrays of bytes of variable length in HDF5 files in data.folder, and their classes"
    package static let keys =
        [DataKeys.folder]
        + DataKeys.hdf5Files(images: "[n], each the bytes of a file (h5py.vlen_dtype(numpy.uint8)).")
        + DataKeys.encodedImages

    let settings: Settings
    package init(_ settings: Settings) { self.settings = settings }

    package let remedyForMissingFiles = "set data.folder, data.train_file and data.test_file"
    package var classOrder: String { "as the arrays number them" }

    package var requiredPaths: [RequiredPath] {
        guard let folder: String = settings["folder", as: String?.self] else { return [] }
        return ["train_file", "test_file"].map {
            RequiredPath(key: $0, path: ImageIndex.join(folder, settings[$0]))
        }
    }

    func trainingSplit() throws -> EncodedSplit { try read("train_file", "images_path", "labels_path") }

    func otherSplits() throws -> (test: EncodedSplit, probe: EncodedSplit?) {
        func own(_ key: String, _ usual: String) -> String { settings[key, as: String?.self] == nil ? usual : key }
        return (
            try read(
                "test_file", own("test_images_path", "images_path"), own("test_labels_path", "labels_path")), nil
        )
    }

    private func read(_ file: String, _ images: String, _ labels: String) throws -> EncodedSplit {
        let remedy = "check data.\(images) and data.\(labels), or write the file again"
        let array: String? = settings[images, as: String?.self]
        let elements = try HDF5Elements(
            path: ImageIndex.join(try folder(), settings[file]), array: array ?? "", remedy: remedy)
        let classes = try HDF5Labels.read(
            settings[labels, as: String?.self], in: elements.file, count: elements.count, remedy: remedy)
        return EncodedSplit(
            files: elements, labels: classes ?? [Int32](repeating: -1, count: elements.count), classNames: [],
            place: elements.file.path)
    }
}
