/// Formats that features are written in while they are computed.
package enum FeatureFileFormat: String, CaseIterable, Sendable {
    /// HDF5: datasets `features`, `labels`, `names`, `label_names`; where they come from as attributes of the file.
    case h5
    /// A ZIP archive that `numpy.load` opens, with the same four and `origin`, a text.
    case npz
    /// The features alone; labels and names in a table beside the file.
    case npy
    /// A table: `name`, `label`, `label_name`, `f0`, `f1`, …
    case parquet
    /// `features`, `labels`, and names as UTF-8 with the places at which they end.
    case safetensors

    /// Why a table cannot be written so; none where it can.
    package func objection(toNumber number: FeatureNumber, axes: Int) -> String? {
        if number == .bfloat16, self == .npy || self == .npz || self == .parquet {
            return "\(self == .parquet ? "Parquet" : "NumPy") has no bfloat16"
        }
        if axes > 1, self == .parquet { return "a table has one row of numbers for each image, not one for each patch" }
        return nil
    }

    /// - Parameter path: What errors call the file.
    /// - Precondition: There is no objection.
    func layout(of table: FeatureTable, path: String) throws -> any FeatureLayout {
        switch self {
        case .h5: try HDF5Layout(table, path: path)
        case .npz: ArchiveLayout(table)
        case .npy: NumPyLayout(table)
        case .parquet: ParquetLayout(table)
        case .safetensors: try SafetensorsLayout(table, path: path)
        }
    }
}
