import HDF5
import Safetensors

extension EmbeddingSet {
    /// Three datasets, and `files` where they have names, uncompressed so that they open without plug-ins, and the origin as attributes of the file.
    func writeHDF5(to path: String) throws {
        let file = try HDF5File(buildingInMemory: path)
        let root = file.root
        try root.create("features", features, shape: [rows, width])
        try root.create("labels", labels, shape: [rows])
        try root.create("indices", indices, shape: [rows])
        if let names { try root.create("files", names) }
        try root.attributes.write("experiment", .string(experiment))
        try root.attributes.write("run", .string(run))
        try root.attributes.write("encoder", .string(encoder))
        try root.attributes.write("step", .integer(step))
        try root.attributes.write("split", .string(split.rawValue))
        if let labelNames {
            try root.attributes.write("label_names", .strings(labelNames))
        }
        try AtomicFile.write(file.image(), to: path)
    }
}
