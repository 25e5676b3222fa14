import Foundation
import Pickle

/// The pickled version of CIFAR, as torchvision keeps it; nothing in it is executed.
struct CIFARPickles {
    let kind: CIFARFolder.Kind
    let folder: String
    let remedy: String

    private static let policy = PickleReader.Policy(globals: PickledArray.globals)

    /// Reads a file of the folder: its dictionary.
    private func read<Value>(
        _ name: String, _ body: (PositionalFile, PickleDocument) throws -> Value
    ) throws -> Value {
        let path = URL(fileURLWithPath: folder).appendingPathComponent(name).path
        let file = try PositionalFile(path: path, remedy: remedy)
        do {
            let document = try PickleReader.read(size: file.size, policy: Self.policy) { offset, count in
                try file.read(at: offset, count: count)
            }
            guard document.entries(of: document.root) != nil else {
                throw file.failure("holds \(document.root.kind) instead of a dictionary")
            }
            return try body(file, document)
        } catch let error as PickleError {
            throw file.failure("cannot be read: \(error)")
        }
    }

    /// Fine and coarse names.
    func classNames() throws -> ([String], [String]) {
        try read(kind == .ten ? "batches.meta" : "meta") { file, document in
            func names(_ key: String, _ count: Int) throws -> [String] {
                guard let names = document.value(of: key, in: document.root).flatMap({ document.strings(of: $0) }),
                    names.count == count, Set(names).count == count
                else { throw file.failure("does not name \(count) classes under \"\(key)\"") }
                return names
            }
            switch kind {
            case .ten: return (try names("label_names", kind.classCount), [])
            case .hundred:
                return (
                    try names("fine_label_names", kind.classCount),
                    try names("coarse_label_names", CIFARFolder.coarseClassCount)
                )
            }
        }
    }

    func split(_ names: [String]) throws -> RecordSplit {
        var parts: [RecordSplit.Part] = []
        var fine: [UInt8] = []
        var coarse: [UInt8] = []
        for name in names {
            try read(name) { file, document in
                let part = try part(file, document)
                fine += try labels(kind == .ten ? "labels" : "fine_labels", kind.classCount, part, file, document)
                if kind == .hundred {
                    coarse += try labels("coarse_labels", CIFARFolder.coarseClassCount, part, file, document)
                }
                parts.append(part)
            }
        }
        return RecordSplit(
            imageSize: CIFARFolder.imageSize, parts: parts, labels: fine, coarseLabels: kind == .hundred ? coarse : nil)
    }

    private func part(_ file: PositionalFile, _ document: PickleDocument) throws -> RecordSplit.Part {
        guard let value = document.value(of: "data", in: document.root) else {
            throw file.failure("has no images under \"data\"")
        }
        let array = try PickledArray(value, in: document)
        guard array.elementType == "u1", !array.isFortranOrdered, array.shape.count == 2, array.shape[0] > 0,
            array.shape[1] == CIFARFolder.imageSize, let count = array.elementCount
        else {
            throw file.failure(
                "holds an array of type \(array.elementType) and shape \(array.shape) under \"data\" instead of bytes of "
                    + "shape [images, \(CIFARFolder.imageSize)]")
        }
        guard array.content.count == count else {
            throw file.failure("is damaged: \(array.content.count) bytes for images of shape \(array.shape)")
        }
        let content: RecordSplit.Part.Content =
            switch array.content {
            case .place(let place): .file(file, offset: place.offset, stride: CIFARFolder.imageSize)
            case .bytes(let bytes): .memory(bytes, of: file)
            }
        return RecordSplit.Part(content: content, count: array.shape[0])
    }

    private func labels(
        _ key: String, _ classCount: Int, _ part: RecordSplit.Part, _ file: PositionalFile, _ document: PickleDocument
    ) throws -> [UInt8] {
        guard let labels = document.value(of: key, in: document.root).flatMap({ document.integers(of: $0) }),
            labels.count == part.count
        else { throw file.failure("does not have one label for each of its \(part.count) images under \"\(key)\"") }
        if let index = labels.firstIndex(where: { !(0..<classCount).contains($0) }) {
            throw file.failure("label \(labels[index]) of image \(index) is outside 0…\(classCount - 1)")
        }
        return labels.map { UInt8($0) }
    }
}
