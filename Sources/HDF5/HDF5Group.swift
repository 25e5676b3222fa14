import CHDF5

/// What a name in a group stands for.
package enum HDF5ObjectKind: Sendable {
    case group
    case dataset
    case other
}

/// A group; paths are relative to it, with "/" between names.
package struct HDF5Group: Sendable {
    let handle: HDF5Handle

    /// Path from the file's root.
    package var path: String { handle.object }
    /// Path of the file, as errors give it.
    package var file: String { handle.file }
    package var attributes: HDF5Attributes { HDF5Attributes(handle: handle) }

    /// Path of a member from the file's root.
    private func absolute(_ path: String) -> String {
        let path = path.drop { $0 == "/" }
        return handle.object == "/" ? "/\(path)" : "\(handle.object)/\(path)"
    }

    private func components(_ path: String) -> [String] { path.split(separator: "/").map(String.init) }

    /// Names of the members, sorted.
    /// - Throws: `HDF5Error`; also where there are more than any file has.
    package func childNames() throws -> [String] {
        try HDF5Library.serialized {
            var info = H5G_info_t()
            try handle.check(unsafe H5Gget_info(handle.id, &info), "list")
            guard info.nlinks <= HDF5Bounds.members else {
                throw handle.error("list", "it claims \(info.nlinks) members, more than \(HDF5Bounds.members)")
            }
            return try unsafe HDF5Names.collect("members", of: handle) { take, context in
                unsafe chdf5_member_names(handle.id, take, context)
            }
        }
    }

    /// Whether there is something at `path`, by hard links alone: links that lead to other files, or by name to
    /// anything, are not followed.
    ///
    /// - Throws: `HDF5Error` where a name on the way is such a link.
    private func reaches(_ path: String) throws -> Bool {
        var partial = ""
        for name in components(path) {
            partial += partial.isEmpty ? name : "/" + name
            let exists = try handle.check(
                unsafe H5Lexists(handle.id, partial, chdf5_default()), "look for \(partial)")
            if exists == 0 { return false }
            let kind = try handle.check(unsafe chdf5_link_kind(handle.id, partial), "look for \(partial)")
            guard kind == CHDF5_LINK_HARD else {
                let words = kind == CHDF5_LINK_EXTERNAL ? "a link to another file" : "a link by name"
                throw HDF5Error(
                    operation: "open", file: handle.file, object: absolute(partial),
                    message: "it is \(words), which is not followed")
            }
        }
        return true
    }

    /// What is at `path`; none where there is nothing.
    /// - Throws: `HDF5Error`; also for links to other files and links by name, which are not followed.
    package func kind(of path: String) throws -> HDF5ObjectKind? {
        try HDF5Library.serialized {
            guard try reaches(path) else { return nil }
            if components(path).isEmpty { return .group }
            let object = try handle.owning(
                unsafe H5Oopen(handle.id, path, chdf5_default()), "open", object: absolute(path))
            return switch H5Iget_type(object.id) {
            case H5I_GROUP: .group
            case H5I_DATASET: .dataset
            default: .other
            }
        }
    }

    /// What tells this group from any other of the file, whatever its name.
    package func identity() throws -> HDF5Identity {
        try HDF5Library.serialized {
            var words: (UInt64, UInt64) = (0, 0)
            let status = unsafe withUnsafeMutableBytes(of: &words) { bytes in
                unsafe chdf5_identity(handle.id, bytes.assumingMemoryBound(to: UInt64.self).baseAddress)
            }
            try handle.check(status, "identify")
            return HDF5Identity(first: words.0, second: words.1)
        }
    }

    /// Where a member leads that is a link to another file; none for everything else.
    package func externalTarget(of name: String) -> (file: String, object: String)? {
        HDF5Library.serialized {
            var file = [CChar](repeating: 0, count: 4096)
            var object = file
            guard unsafe chdf5_external_link(handle.id, name, &file, &object, file.count) >= 0 else {
                _ = HDF5Library.takeErrorStack()
                return nil
            }
            func text(_ characters: [CChar]) -> String {
                String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            }
            return (text(file), text(object))
        }
    }

    /// - Throws: `HDF5Error` where there is none, or it is behind a link to another file or a link by name.
    package func group(_ path: String) throws -> HDF5Group {
        try HDF5Library.serialized {
            _ = try reaches(path)
            let id = unsafe H5Gopen2(handle.id, path, chdf5_default())
            return HDF5Group(handle: try handle.owning(id, "open group", object: absolute(path)))
        }
    }

    /// The group at `path`, made with those above it where missing.
    package func requireGroup(_ path: String) throws -> HDF5Group {
        try HDF5Library.serialized {
            try components(path).reduce(self) { group, name in
                if try group.kind(of: name) != nil { return try group.group(name) }
                let creation = try group.handle.owning(H5Pcreate(chdf5_group_creation()), "create group")
                try creation.check(H5Pset_obj_track_times(creation.id, false), "create group")
                let id = unsafe H5Gcreate2(group.handle.id, name, chdf5_default(), creation.id, chdf5_default())
                return HDF5Group(handle: try group.handle.owning(id, "create group", object: group.absolute(name)))
            }
        }
    }

    /// - Throws: `HDF5Error` where there is none, or its values are in another file.
    package func dataset(_ path: String) throws -> HDF5Dataset {
        try HDF5Library.serialized {
            _ = try reaches(path)
            let id = unsafe H5Dopen2(handle.id, path, chdf5_default())
            let dataset = HDF5Dataset(handle: try handle.owning(id, "open dataset", object: absolute(path)))
            try dataset.checkThatItIsHere()
            return dataset
        }
    }

    /// The group that is to hold `path`, made where missing, and the last name.
    private func place(of path: String) throws -> (parent: HDF5Group, name: String) {
        let names = components(path)
        precondition(!names.isEmpty, "a dataset needs a name")
        return (try requireGroup(names.dropLast().joined(separator: "/")), names[names.count - 1])
    }

    /// Creates a dataset without values (zeros), and the groups above it.
    ///
    /// - Parameter shape: Extents, slowest first; empty for a scalar.
    /// - Throws: `HDF5Error`, also where the name is taken.
    package func create(
        _ path: String, _ type: HDF5ElementType, shape: [Int], storage: HDF5Storage = .contiguous
    ) throws -> HDF5Dataset {
        try HDF5Library.serialized {
            try create(path, typeIdentifier: type.identifier, shape: shape, storage: storage)
        }
    }

    /// Creates a dataset of these values, [shape].
    ///
    /// - Parameter storage: None: `HDF5Storage.checked` of the shape, so that every reader notices damage.
    /// - Precondition: `values.count` is the product of `shape`.
    /// - Throws: `HDF5Error`, also where the name is taken.
    @discardableResult
    package func create<Element: HDF5Element>(
        _ path: String, _ values: [Element], shape: [Int], storage: HDF5Storage? = nil
    ) throws -> HDF5Dataset {
        let storage = storage ?? .checked(shape: shape, elementByteCount: Element.hdf5Type.byteCount)
        let dataset = try create(path, Element.hdf5Type, shape: shape, storage: storage)
        try dataset.write(values)
        return dataset
    }

    /// Creates a scalar dataset of one UTF-8 string.
    @discardableResult
    package func create(_ path: String, _ value: String) throws -> HDF5Dataset {
        try createStrings(path, [value], shape: [])
    }

    /// Creates a dataset of UTF-8 strings, [count].
    @discardableResult
    package func create(_ path: String, _ values: [String]) throws -> HDF5Dataset {
        try createStrings(path, values, shape: [values.count])
    }

    private func createStrings(_ path: String, _ values: [String], shape: [Int]) throws -> HDF5Dataset {
        // As many of variable length would not be believed when they are read.
        if values.count > HDF5Bounds.strings { return try createFixedStrings(path, values) }
        return try HDF5Library.serialized {
            let type = try HDF5Strings.variableType(for: handle)
            let dataset = try create(path, typeIdentifier: type.id, shape: shape, storage: .contiguous)
            try unsafe HDF5Strings.withPointers(values) { pointers in
                _ = try dataset.handle.check(
                    unsafe H5Dwrite(
                        dataset.handle.id, type.id, chdf5_all(), chdf5_all(), chdf5_default(), pointers), "write")
            }
            return dataset
        }
    }

    /// Strings of one length in the file, that of the longest, filled up with zeros.
    private func createFixedStrings(_ path: String, _ values: [String]) throws -> HDF5Dataset {
        try HDF5Library.serialized {
            let size = max(1, values.map(\.utf8.count).max() ?? 1)
            let type = try HDF5Strings.fixedType(byteCount: size, for: handle)
            var bytes = [UInt8](repeating: 0, count: size * values.count)
            for (index, value) in values.enumerated() {
                bytes.replaceSubrange(index * size..<index * size + value.utf8.count, with: value.utf8)
            }
            let dataset = try create(
                path, typeIdentifier: type.id, shape: [values.count],
                storage: .checked(shape: [values.count], elementByteCount: size))
            try unsafe bytes.withUnsafeBytes { raw in
                _ = try dataset.handle.check(
                    unsafe H5Dwrite(
                        dataset.handle.id, type.id, chdf5_all(), chdf5_all(), chdf5_default(), raw.baseAddress), "write"
                )
            }
            return dataset
        }
    }

    private func create(
        _ path: String, typeIdentifier: hid_t, shape: [Int], storage: HDF5Storage
    ) throws -> HDF5Dataset {
        let (parent, name) = try place(of: path)
        let operation = "create dataset"
        let target = parent.absolute(name)
        let space = try HDF5Space.simple(
            shape, isExtendable: storage.isExtendable, for: handle, object: target)
        let creation = try handle.owning(H5Pcreate(chdf5_dataset_creation()), operation, object: target)
        try creation.check(H5Pset_obj_track_times(creation.id, false), operation)
        if let chunk = storage.chunk {
            precondition(chunk.count == shape.count, "chunk \(chunk) for shape \(shape)")
            let extents = chunk.map(UInt64.init)
            try creation.check(unsafe H5Pset_chunk(creation.id, Int32(chunk.count), extents), operation)
            if storage.shuffles { try creation.check(H5Pset_shuffle(creation.id), operation) }
            if let level = storage.zstdLevel {
                let parameters = [UInt32(bitPattern: Int32(level))]
                try creation.check(
                    unsafe H5Pset_filter(
                        creation.id, ZstdFilter.identifier, UInt32(H5Z_FLAG_MANDATORY), 1, parameters), operation)
            }
            // Last, so that it is over the bytes in the file; h5py orders them so too.
            if storage.hasChecksums { try creation.check(H5Pset_fletcher32(creation.id), operation) }
        } else {
            precondition(
                !storage.isExtendable && !storage.shuffles && storage.zstdLevel == nil && !storage.hasChecksums,
                "filters need chunks: \(target)")
        }
        let id = unsafe H5Dcreate2(
            parent.handle.id, name, typeIdentifier, space.id, chdf5_default(), creation.id, chdf5_default())
        return HDF5Dataset(handle: try parent.handle.owning(id, operation, object: target))
    }

    /// Puts a link to an object of another file at `path`; nothing is looked up before somebody follows it.
    ///
    /// - Parameter file: Relative to the folder of the file that holds the link.
    /// - Throws: `HDF5Error`, also where the name is taken.
    package func linkExternally(_ path: String, toFile file: String, object: String = "/") throws {
        try HDF5Library.serialized {
            let (parent, name) = try place(of: path)
            try parent.handle.check(
                unsafe H5Lcreate_external(file, object, parent.handle.id, name, chdf5_default(), chdf5_default()),
                "link \(name) to \(file)")
        }
    }

    /// Copies an object of any file, with its attributes; compressed chunks are copied as they are.
    /// - Throws: `HDF5Error`, also where the name is taken.
    package func copy(_ sourcePath: String, of source: HDF5Group, to path: String) throws {
        try HDF5Library.serialized {
            // What is elsewhere would be copied with its place.
            if try source.kind(of: sourcePath) == .dataset { _ = try source.dataset(sourcePath) }
            let (parent, name) = try place(of: path)
            try parent.handle.check(
                unsafe H5Ocopy(
                    source.handle.id, sourcePath, parent.handle.id, name, chdf5_default(), chdf5_default()),
                "copy \(source.handle.file): \(source.absolute(sourcePath)) to \(name)")
        }
    }
}
