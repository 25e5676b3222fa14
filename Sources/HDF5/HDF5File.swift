import CHDF5
package import Foundation

/// An HDF5 file: opened for reading, or built in memory.
///
/// Files are never written in place. A new one is built in memory and its bytes are then stored by whoever can do that
/// safely; so a full disk never meets the library, which cannot close a file that it fails to flush.
package final class HDF5File {
    /// Path, or the name that errors give.
    package let path: String
    package let root: HDF5Group
    private let handle: HDF5Handle

    /// Opens a file for reading.
    /// - Throws: `HDF5Error`.
    package init(reading path: String) throws {
        guard FileManager.default.isReadableFile(atPath: path) else {
            throw HDF5Error(
                operation: "open", file: path, object: "/", message: "there is no such file, or it is not readable")
        }
        self.path = path
        (handle, root) = try HDF5Library.serialized {
            let access = try HDF5Handle(H5Pcreate(chdf5_file_access()), "open", file: path, object: "/")
            // Nothing here changes a file in place, and some network file systems cannot lock.
            try access.check(H5Pset_file_locking(access.id, false, true), "open")
            let id = unsafe H5Fopen(path, chdf5_read_only(), access.id)
            do {
                return try Self.opened(HDF5Handle(id, "open", file: path, object: "/"))
            } catch var error as HDF5Error {
                error.message = "not an HDF5 file, or a damaged one: \(error.message)"
                throw error
            }
        }
    }

    /// Starts a new file in memory; `name` is what errors call it.
    /// - Throws: `HDF5Error`.
    package init(buildingInMemory name: String) throws {
        path = name
        (handle, root) = try HDF5Library.serialized {
            let creation = try HDF5Handle(
                H5Pcreate(chdf5_file_creation()), "create", file: name, object: "/")
            // Times of creation would make equal contents differ in bytes.
            try creation.check(H5Pset_obj_track_times(creation.id, false), "create")
            let access = try HDF5Handle(H5Pcreate(chdf5_file_access()), "create", file: name, object: "/")
            // The oldest format is read by everything. Besides, its superblock has no checksum, which
            // H5Fget_file_image in library 1.10 breaks where there is one, by clearing a flag in its copy.
            try access.check(H5Pset_libver_bounds(access.id, H5F_LIBVER_EARLIEST, H5F_LIBVER_V110), "create")
            try access.check(H5Pset_fapl_core(access.id, 4 << 20, false), "create")
            // Open files in memory are told apart by their name, which is not stored.
            let id = unsafe H5Fcreate(name + UUID().uuidString, chdf5_truncate(), creation.id, access.id)
            return try Self.opened(HDF5Handle(id, "create", file: name, object: "/"))
        }
    }

    private static func opened(_ handle: HDF5Handle) throws -> (HDF5Handle, HDF5Group) {
        let root = unsafe H5Gopen2(handle.id, "/", chdf5_default())
        return (handle, HDF5Group(handle: try handle.owning(root, "open")))
    }

    /// The bytes of the file as it is now.
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
            return data
        }
    }
}
