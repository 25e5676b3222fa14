import HDF5
import Safetensors

/// An HDF5 file: `features` [n, …], `labels` [n], `names` [n], and `label_names` where classes have names; contiguous, so
/// every reader opens it without plug-ins. Where they come from: attributes of the root group.
struct HDF5Layout: RowLayout {
    let table: FeatureTable
    private let skeleton: HDF5Skeleton
    private let nameSize: Int
    private let classNameSize: Int

    var featureOffset: Int { offset("features") }
    var byteCount: Int { skeleton.byteCount }

    init(_ table: FeatureTable, path: String) throws {
        self.table = table
        nameSize = NameLengths(table).longest
        let classNames = table.classNames ?? []
        classNameSize = NameLengths(classNames).longest
        var datasets: [HDF5Skeleton.Dataset] = [
            .init("features", table.number.element, shape: [table.rows] + table.shape),
            .init("labels", .int32, shape: [table.rows]),
            .init("names", .text(byteCount: nameSize), shape: [table.rows]),
        ]
        if !classNames.isEmpty {
            datasets.append(
                .init("label_names", .text(byteCount: classNameSize), shape: [classNames.count]))
        }
        skeleton = try HDF5Skeleton(datasets, attributes: table.origin.map { ($0.key, $0.value) }, file: path)
    }

    private func offset(_ name: String) -> Int { skeleton.offsets[name] ?? 0 }

    func complete(_ file: PartialFile, features: Checksum32) throws {
        for (offset, bytes) in skeleton.pieces { try file.write(bytes, at: offset) }
        var labels = SequentialOutput(file, at: offset("labels"))
        try table.writeLabels(to: &labels)
        try labels.flush()
        var names = SequentialOutput(file, at: offset("names"))
        try names.append((0..<table.rows).lazy.map(table.name), filledTo: nameSize)
        try names.flush()
        guard let classNames = table.classNames, !classNames.isEmpty else { return }
        var classes = SequentialOutput(file, at: offset("label_names"))
        try classes.append(classNames, filledTo: classNameSize)
        try classes.flush()
    }
}

extension FeatureNumber {
    fileprivate var element: HDF5Skeleton.Element {
        switch self {
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .float32: .float32
        }
    }
}
