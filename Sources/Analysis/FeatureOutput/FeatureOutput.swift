import Foundation

/// A file of features that is about to be written: what goes into it, and how large it will be.
package struct FeatureOutput: Sendable {
    package let path: String
    package let table: FeatureTable
    let layout: any FeatureLayout

    /// - Parameter format: One that has no objection to the table.
    /// - Throws: `HDF5Error`, `SafetensorsError` for a table that the format cannot hold.
    package init(_ table: FeatureTable, as format: FeatureFileFormat, to path: String) throws {
        self.init(table, layout: try format.layout(of: table, path: path), path: path)
    }

    init(_ table: FeatureTable, layout: any FeatureLayout, path: String) {
        (self.table, self.layout, self.path) = (table, layout, path)
    }

    /// Bytes of the file; what lies beside it is small.
    package var byteCount: Int { layout.byteCount }
    /// The file, and those beside it that belong to it.
    package var files: [String] { [path] + layout.companions(of: path) }
    /// Those of them that are there already.
    package var existing: [String] { files.filter(FileManager.default.fileExists) }

    /// Bytes of the disk that an interrupted process has taken for it.
    package var bytesWritten: Int {
        var status = stat()
        return stat(FeatureWriter.partialPath(path), &status) == 0 ? Int(status.st_blocks) * 512 : 0
    }
}
