import CHDF5
import CZstd

extension HDF5File {
    /// The version of the C library that is loaded: "1.10.8".
    package static var libraryVersion: String {
        HDF5Library.serialized {
            var (major, minor, release) = (UInt32(0), UInt32(0), UInt32(0))
            _ = unsafe H5get_libversion(&major, &minor, &release)
            return "\(major).\(minor).\(release)"
        }
    }

    /// The version of the zstd library that filter 32015 uses: "1.5.4".
    package static var compressionVersion: String { unsafe String(cString: ZSTD_versionString()) }
}
