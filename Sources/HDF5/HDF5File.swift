import CHDF5
package import Foundation

/// An HDF5 file: opened for reading, or built in memory.
///
/// This is the one place where files are opened. One that is sealed (`HDF5Seal`) is compared with its checksum first,
/// and what is opened then is the very file that was compared.
///
/// Files are never written in place. A new one is built in memory and its bytes are then stored by whoever can do that
/// safely; so a full disk never meets the library, which cannot close a file that it fails to flush.
package final class HDF5File: Sendable {
    /// Path, or the name that errors give.
    package let path: String
    package let root: HDF5Group
    /// Whether the file carries a checksum: it agrees with it then. Of one in memory: whether it is to carry one.
    package let isSealed: Bool
    /// Bytes of the file when it was opened; 0 for one in memory.
    package let byteCount: Int
    private let handle: HDF5Handle

    /// Whether the first bytes of a file are those of an HDF5 file, sealed or not; eight are enough.
    package static func isBeginning(_ bytes: [UInt8]) -> Bool { HDF5Seal.isBeginning(bytes) }

    /// Opens a file for reading.
    /// - Throws: `HDF5Error`, also where the file does not agree with its checksum.
    package init(reading path: String) throws {
        self.path = path
        let file = try ReadableFile(path: path)
        byteCount = file.byteCount
        isSealed = try HDF5Seal.verify(file)
        (handle, root) = try HDF5Library.serialized {
            let access = try HDF5Handle(H5Pcreate(chdf5_file_access()), "open", file: path, object: "/")
            // Nothing here changes a file in place, and some network file systems cannot lock.
            try access.check(H5Pset_file_locking(access.id, false, true), "open")
            let id = withExtendedLifetime(file) { unsafe H5Fopen(file.sameFile, chdf5_read_only(), access.id) }
            do {
                return try Self.opened(
                    HDF5Handle(
                        id, "open", file: path, object: "/", memoryLimit: HDF5Bounds.memory(ofFile: file.byteCount)))
            } catch var error as HDF5Error {
                error.message = "not an HDF5 file, or a damaged one: \(error.message)"
                throw error
            }
        }
    }

    /// Starts a new file in memory; `name` is what errors call it.
    ///
    /// - Parameter isSealed: Whether its bytes begin with a block that holds their checksum.
    /// - Throws: `HDF5Error`.
    package init(buildingInMemory name: String, isSealed: Bool = false) throws {
        path = name
        byteCount = 0
        self.isSealed = isSealed
        (handle, root) = try HDF5Library.serialized {
            // Open files in memory are told apart by their name, which is not stored.
            try Self.created(at: name + UUID().uuidString, name: name, isSealed: isSealed, inMemory: true)
        }
    }

    /// Creates an empty file; to be called inside of `HDF5Library.serialized`.
    ///
    /// - Parameter name: What errors call it.
    static func created(
        at path: String, name: String, isSealed: Bool, inMemory: Bool
    ) throws -> (HDF5Handle, HDF5Group) {
        let creation = try HDF5Handle(H5Pcreate(chdf5_file_creation()), "create", file: name, object: "/")
        // Times of creation would make equal contents differ in bytes.
        try creation.check(H5Pset_obj_track_times(creation.id, false), "create")
        // Small index nodes: with the default, the index of a column's only chunk would take 2 KiB.
        try creation.check(H5Pset_istore_k(creation.id, 4), "create")
        if isSealed {
            try creation.check(H5Pset_userblock(creation.id, hsize_t(HDF5Seal.byteCount)), "create")
        }
        let access = try HDF5Handle(H5Pcreate(chdf5_file_access()), "create", file: name, object: "/")
        // The oldest format is read by everything. Besides, its superblock has no checksum, which
        // H5Fget_file_image in library 1.10 breaks where there is one, by clearing a flag in its copy.
        try access.check(H5Pset_libver_bounds(access.id, H5F_LIBVER_EARLIEST, H5F_LIBVER_V110), "create")
        if inMemory {
            try access.check(H5Pset_fapl_core(access.id, 4 << 20, false), "create")
        } else {
            try access.check(H5Pset_file_locking(access.id, false, true), "create")
        }
        let id = unsafe H5Fcreate(path, chdf5_truncate(), creation.id, access.id)
        return try opened(HDF5Handle(id, "create", file: name, object: "/"))
    }

    private static func opened(_ handle: HDF5Handle) throws -> (HDF5Handle, HDF5Group) {
        let root = unsafe H5Gopen2(handle.id, "/", chdf5_default())
        return (handle, HDF5Group(handle: try handle.owning(root, "open")))
    }

    /// The bytes of the file as it is now, its seal included.
    /// - Throws: `HDF5Error`.
    package func image() throws -> Data {
        try HDF5Library.serialized {
            try handle.check(H5Fflush(handle.id, H5F_SCOPE_LOCAL), "flush")
            let count = try handle.check(H5Fget_file_image(handle.id, nil, 0), "measure")
            var data = Data(count: count)
            let copied = unsafe data.withUnsafeMutableBytes { bytes in
                unsafe H5Fget_file_image(handle.id, bytes.baseAddress, bytes.count)
            }
            try handle.check(copied, "take the bytes of")
            if !isSealed { return data }
            // Library 1.10 leaves the user's block out of what it copies; one that does not is taken at its word.
            let body = data.starts(with: HDF5Seal.signature) ? data : data.dropFirst(HDF5Seal.byteCount)
            return HDF5Seal.block(for: body) + body
        }
    }
}
