import Foundation
import HDF5
import Safetensors

/// An array with a name and what it holds.
package struct NamedArray: Sendable {
    package enum Values: Sendable {
        case floats([Float])
        case doubles([Double])
        case int32s([Int32])
    }

    package let name: String
    /// Extents, slowest first; empty for a single number.
    package let shape: [Int]
    package let values: Values
    /// What it is, with its unit.
    package let meaning: String

    package init(_ name: String, _ values: Values, shape: [Int], meaning: String) {
        self.name = name
        self.shape = shape
        self.values = values
        self.meaning = meaning
    }
}

/// How arrays leave the program.
package enum ArrayFormat: String, CaseIterable, Sendable {
    /// An archive that `numpy.load` opens.
    case npz
    /// One dataset for each array, uncompressed, with what it is as the attribute `meaning`.
    case hdf5

    /// "npz", "h5".
    package var fileExtension: String { self == .npz ? "npz" : "h5" }

    /// Writes arrays as one file, which appears as a whole or not at all.
    ///
    /// - Parameter origin: Where they come from: attributes of an HDF5 file; a .npz has no place for them.
    /// - Throws: `AnalysisError` for what does not fit; `FileWriteError`, `HDF5Error`.
    package func write(_ arrays: [NamedArray], origin: [(String, String)], to path: String) throws {
        switch self {
        case .npz:
            var archive = try StoredZip(path: path)
            for array in arrays { try archive.append("\(array.name).npy", array.numpy) }
            try archive.commit()
        case .hdf5:
            let file = try HDF5File(buildingInMemory: path)
            for array in arrays {
                try array.create(in: file.root).attributes.write("meaning", .string(array.meaning))
            }
            for (name, value) in origin { try file.root.attributes.write(name, .string(value)) }
            try AtomicFile.write(file.image(), to: path)
        }
    }

    /// Makes the folders of outputs.
    ///
    /// - Throws: `AnalysisError` where one exists and may not be replaced, or a folder cannot be made.
    package static func prepare(_ files: [String], replacing: Bool) throws {
        try OutputFiles.prepare(files, replacing: replacing)
    }
}

extension NamedArray {
    fileprivate var numpy: Data {
        switch values {
        case .floats(let values): NumPyFile.bytes(of: values, shape: shape)
        case .doubles(let values): NumPyFile.bytes(of: values, shape: shape)
        case .int32s(let values): NumPyFile.bytes(of: values, shape: shape)
        }
    }

    fileprivate func create(in root: HDF5Group) throws -> HDF5Dataset {
        switch values {
        case .floats(let values): try root.create(name, values, shape: shape)
        case .doubles(let values): try root.create(name, values, shape: shape)
        case .int32s(let values): try root.create(name, values, shape: shape)
        }
    }
}
