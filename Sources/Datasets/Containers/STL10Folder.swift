import Foundation

/// STL-10 (Coates 2011) in a folder, the binary version: https://cs.stanford.edu/~acoates/stl10
///
/// Images are 3 × 96 × 96 bytes: planes of red, green and blue. In the files each plane goes column by column, and labels
/// are 1 to 10; the labels that are handed out are 0 to 9.
package struct STL10Folder: Sendable {
    package static let side = 96
    package static let imageSize = 3 * side * side
    static let classCount = 10
    private static let remedy = "unpack stl10_binary.tar.gz again (tar xzf) and give the folder it makes"

    /// Where the files lie.
    package let folder: String
    package let train: RecordSplit
    package let test: RecordSplit
    /// The images without labels; nil where their file is not there.
    package let unlabeled: RecordSplit?
    package let classNames: [String]

    /// Opens the files in `folder`, or in `stl10_binary` in it.
    ///
    /// - Throws: `DatasetError` for files that are missing or broken.
    package init(folder: String) throws {
        func exists(_ name: String, _ place: URL) -> Bool {
            FileManager.default.fileExists(atPath: place.appendingPathComponent(name).path)
        }
        guard let place = Self.place(in: folder) else {
            throw DatasetError(
                place: folder, problem: "holds no STL-10: train_X.bin is not there", remedy: Self.remedy)
        }
        func open(_ name: String) throws -> PositionalFile {
            try PositionalFile(path: place.appendingPathComponent(name).path, remedy: Self.remedy)
        }
        self.folder = place.path
        train = try Self.split(images: open("train_X.bin"), labels: open("train_y.bin"))
        test = try Self.split(images: open("test_X.bin"), labels: open("test_y.bin"))
        unlabeled =
            exists("unlabeled_X.bin", place) ? try Self.split(images: open("unlabeled_X.bin"), labels: nil) : nil
        let namesFile = try open("class_names.txt")
        classNames = try namesFile.lines(limit: 1 << 20)
        guard classNames.count == Self.classCount, Set(classNames).count == Self.classCount else {
            throw namesFile.failure("has \(classNames.count) lines instead of \(Self.classCount) names of classes")
        }
    }

    private static func place(in folder: String) -> URL? {
        let root = URL(fileURLWithPath: folder)
        return [root, root.appendingPathComponent("stl10_binary")].first {
            FileManager.default.fileExists(atPath: $0.appendingPathComponent("train_X.bin").path)
        }
    }

    /// The files that cannot be missing.
    static func files(in folder: String, withUnlabeled: Bool) -> [String] {
        let place = place(in: folder) ?? URL(fileURLWithPath: folder)
        return
            (["train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin", "class_names.txt"]
            + (withUnlabeled ? ["unlabeled_X.bin"] : [])).map { place.appendingPathComponent($0).path }
    }

    private static func split(images: PositionalFile, labels: PositionalFile?) throws -> RecordSplit {
        guard images.size > 0, images.size.isMultiple(of: imageSize) else {
            throw images.failure("has \(images.size) bytes, which is no whole number of images of \(imageSize) bytes")
        }
        let count = images.size / imageSize
        let part = RecordSplit.Part(content: .file(images, offset: 0, stride: imageSize), count: count)
        guard let labels else { return RecordSplit(imageSize: imageSize, parts: [part], labels: nil) }
        guard labels.size == count else {
            throw labels.failure("has \(labels.size) labels, but \(images.path) has \(count) images")
        }
        let numbers = try labels.read(at: 0, count: count)
        if let index = numbers.firstIndex(where: { !(1...UInt8(classCount)).contains($0) }) {
            throw labels.failure("label \(numbers[index]) of image \(index) is outside 1…\(classCount)")
        }
        return RecordSplit(imageSize: imageSize, parts: [part], labels: numbers.map { $0 - 1 })
    }
}
