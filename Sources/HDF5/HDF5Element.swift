import CHDF5

/// Numeric types that datasets are written in, little-endian in the file.
package enum HDF5ElementType: String, Sendable, CaseIterable {
    case float64
    case float32
    case int64
    case int32
    case uint8

    /// The library's identifier; the same in file and memory, as hosts are little-endian.
    var identifier: hid_t {
        switch self {
        case .float64: chdf5_float64()
        case .float32: chdf5_float32()
        case .int64: chdf5_int64()
        case .int32: chdf5_int32()
        case .uint8: chdf5_uint8()
        }
    }

    package var isFloatingPoint: Bool { self == .float64 || self == .float32 }
    package var byteCount: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .uint8: 1
        }
    }
}

/// A Swift type whose arrays are written and read as datasets.
package protocol HDF5Element: BitwiseCopyable, Sendable {
    static var hdf5Type: HDF5ElementType { get }
    static var zero: Self { get }
}

extension Double: HDF5Element { package static var hdf5Type: HDF5ElementType { .float64 } }
extension Float: HDF5Element { package static var hdf5Type: HDF5ElementType { .float32 } }
extension Int64: HDF5Element { package static var hdf5Type: HDF5ElementType { .int64 } }
extension Int32: HDF5Element { package static var hdf5Type: HDF5ElementType { .int32 } }
extension UInt8: HDF5Element { package static var hdf5Type: HDF5ElementType { .uint8 } }
