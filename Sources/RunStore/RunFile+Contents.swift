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
        private var objectCount = 0
        /// Bytes that the columns found so far take in memory.
        private var tableBytes = 0
        private let tableLimit: Int

        /// - Throws: `HDF5Error` where groups contain themselves, or the file claims more than any run file has.
        init(_ file: HDF5File) throws {
            tableLimit = HDF5Bounds.tables(ofFile: file.byteCount)
            visited.insert(try file.root.identity())
            for name in try file.root.childNames() where name != "configuration" && name != "provenance" {
                try visit(name, name, of: file.root, depth: 1)
            }
        }

        /// - Parameters:
        ///   - name: In `parent`; looked up from there, as a path from the root is the longer the deeper it is.
        ///   - path: From the root.
        private mutating func visit(_ name: String, _ path: String, of parent: HDF5Group, depth: Int) throws {
            func damage(_ message: String) -> HDF5Error {
                HDF5Error(operation: "list", file: parent.file, object: "/" + path, message: message)
            }
            objectCount += 1
            guard objectCount <= HDF5Bounds.members else {
                throw damage("the file has more than \(HDF5Bounds.members) objects")
            }
            guard try parent.kind(of: name) == .group else {
                arrays.append(path)
                return
            }
            let group = try parent.group(name)
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
                    objectCount += 1
                    // All tables are held at once, so it is their sum that is bounded.
                    tableBytes += try group.dataset(name).byteCount(as: Double.self)
                    guard tableBytes <= tableLimit else {
                        throw damage(
                            "its columns claim more than \(tableLimit >> 20) MiB of memory, too much for a file of its "
                                + "size")
                    }
                } else {
                    try visit(name, child, of: group, depth: depth + 1)
                }
            }
        }
    }
}
