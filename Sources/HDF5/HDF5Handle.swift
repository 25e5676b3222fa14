import CHDF5

/// Owns one identifier of the library and gives it back when the last owner goes.
///
/// The parent is kept too, so a file stays open as long as anything in it is in use.
final class HDF5Handle: Sendable {
    let id: hid_t
    /// Path of the file, for errors.
    let file: String
    /// Path of the object in the file, for errors.
    let object: String
    /// Bytes of memory that a value in the file may take; `HDF5Bounds.memory` of its file.
    let memoryLimit: Int
    private let parent: HDF5Handle?

    /// Takes over `id`, or throws where the call that made it failed.
    ///
    /// - Parameter memoryLimit: Of a file that is read; what is built in memory needs none.
    init(
        _ id: hid_t, _ operation: String, file: String, object: String, memoryLimit: Int = .max,
        parent: HDF5Handle? = nil
    ) throws {
        try HDF5.check(id, operation, file: file, object: object)
        self.id = id
        self.file = file
        self.object = object
        self.memoryLimit = memoryLimit
        self.parent = parent
    }

    /// The same for something made from this object.
    func owning(_ id: hid_t, _ operation: String, object: String? = nil) throws -> HDF5Handle {
        try HDF5Handle(
            id, operation, file: file, object: object ?? self.object, memoryLimit: memoryLimit, parent: self)
    }

    deinit {
        // Nothing can be done about a failure here: files are only read, or live in memory.
        HDF5Library.serialized { _ = H5Idec_ref(id) }
    }

    @discardableResult
    func check<Status: SignedInteger>(_ status: Status, _ operation: String) throws -> Status {
        try HDF5.check(status, operation, file: file, object: object)
    }

    func error(_ operation: String, _ message: String) -> HDF5Error {
        HDF5Error(operation: operation, file: file, object: object, message: message)
    }
}

/// Turns the library's negative results into errors that carry its error stack.
@discardableResult
func check<Status: SignedInteger>(
    _ status: Status, _ operation: String, file: String, object: String
) throws -> Status {
    if status >= 0 { return status }
    let stack = HDF5Library.takeErrorStack()
    throw HDF5Error(
        operation: operation, file: file, object: object,
        message: stack.last ?? "the HDF5 library gives no reason", stack: stack)
}
