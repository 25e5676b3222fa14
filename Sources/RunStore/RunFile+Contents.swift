import HDF5

extension RunFile {
    /// Paths of what a file holds, without configuration and provenance.
    struct Contents: Sendable {
        /// Groups with a column "step".
        private(set) var tables: [String] = []
        /// All other groups, and the tables.
        private(set) var groups: [String] = []
        /// Datasets that belong to no table.
        private(set) var arrays: [String] = []
        /// Datasets that are columns of tables.
        private(set) var columns: [String] = []

        private var visited: Set<HDF5Identity> = []
        /// Bytes that the columns found so far take in memory.
        private var tableBytes = 0
        private let memoryLimit: Int

        /// - Throws: `HDF5Error` where groups contain themselves, or tables claim more memory than the file may take.
        init(_ file: HDF5File) throws {
            memoryLimit = HDF5Bounds.memory(ofFile: file.byteCount)
            visited.insert(try file.root.identity())
            for name in try file.root.childNames() where name != "configuration" && name != "provenance" {
                try visit(name, of: file.root, depth: 1)
            }
        }

        private mutating func visit(_ path: String, of root: HDF5Group, depth: Int) throws {
            guard try root.kind(of: path) == .group else {
                arrays.append(path)
                return
            }
            let group = try root.group(path)
            func damage(_ message: String) -> HDF5Error {
                HDF5Error(operation: "list", file: root.file, object: "/" + path, message: message)
            }
            guard depth <= HDF5Bounds.depth else { throw damage("more than \(HDF5Bounds.depth) groups within groups") }
            guard visited.insert(try group.identity()).inserted else {
                throw damage("it is a second name of another group")
            }
            groups.append(path)
            let isTable = try group.attributes.read("columns") != nil
            if isTable { tables.append(path) }
            for name in try group.childNames() {
                let child = path + "/" + name
                if try isTable && group.kind(of: name) == .dataset {
                    columns.append(child)
                    // All tables are held at once, so it is their sum that is bounded.
                    tableBytes += try group.dataset(name).byteCount(as: Double.self)
                    guard tableBytes <= memoryLimit else {
                        throw damage("its columns claim more than \(memoryLimit >> 20) MiB of memory")
                    }
                } else {
                    try visit(child, of: root, depth: depth + 1)
                }
            }
        }
    }
}
