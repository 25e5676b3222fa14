import Foundation

/// The binary version of CIFAR: records of one label (CIFAR-100: coarse, then fine) and 3,072 pixels.
struct CIFARBinary {
    let kind: CIFARFolder.Kind
    let folder: String
    let remedy: String

    private var labelBytes: Int { kind == .ten ? 1 : 2 }

    private func open(_ name: String) throws -> PositionalFile {
        try PositionalFile(path: URL(fileURLWithPath: folder).appendingPathComponent(name).path, remedy: remedy)
    }

    /// Fine and coarse names.
    func classNames() throws -> ([String], [String]) {
        switch kind {
        case .ten: (try names("batches.meta.txt", count: kind.classCount), [])
        case .hundred:
            (
                try names("fine_label_names.txt", count: kind.classCount),
                try names("coarse_label_names.txt", count: CIFARFolder.coarseClassCount)
            )
        }
    }

    private func names(_ name: String, count: Int) throws -> [String] {
        let file = try open(name)
        let names = try file.lines(limit: 1 << 20)
        guard names.count == count, Set(names).count == count else {
            throw file.failure("names \(Set(names).count) classes in \(names.count) lines instead of \(count)")
        }
        return names
    }

    func split(_ names: [String]) throws -> RecordSplit {
        var parts: [RecordSplit.Part] = []
        var fine: [UInt8] = []
        var coarse: [UInt8] = []
        let stride = labelBytes + CIFARFolder.imageSize
        for name in names {
            let file = try open(name)
            guard file.size > 0, file.size.isMultiple(of: stride) else {
                throw file.failure("has \(file.size) bytes, which is no whole number of records of \(stride) bytes")
            }
            try file.forEachPiece { offset, bytes in
                // First byte of a label at or behind the beginning of the piece.
                for column in 0..<labelBytes {
                    var place = (stride - (offset - column) % stride) % stride
                    if offset == 0 { place = column }
                    while place < bytes.count {
                        let isFine = column == labelBytes - 1
                        let limit = isFine ? kind.classCount : CIFARFolder.coarseClassCount
                        guard bytes[place] < limit else {
                            throw file.failure(
                                "label \(bytes[place]) of record \((offset + place) / stride) is outside 0…\(limit - 1)"
                            )
                        }
                        if isFine { fine.append(bytes[place]) } else { coarse.append(bytes[place]) }
                        place += stride
                    }
                }
            }
            parts.append(
                RecordSplit.Part(
                    content: .file(file, offset: labelBytes, stride: stride), count: file.size / stride))
        }
        return RecordSplit(
            imageSize: CIFARFolder.imageSize, parts: parts, labels: fine, coarseLabels: kind == .hundred ? coarse : nil)
    }
}
