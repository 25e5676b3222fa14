/// Host memory of a fixed number of elements, aligned to 64 bytes and zeroed when made.
///
/// Whoever holds the buffer orders its accesses: the engine gives each thread its own part.
package final class HostBuffer<Element: BitwiseCopyable & Sendable>: @unchecked Sendable {
    package let count: Int
    package let pointer: UnsafeMutablePointer<Element>

    package init(count: Int) {
        precondition(count >= 0, "a buffer cannot hold \(count) elements")
        let bytes = max(count, 1) * MemoryLayout<Element>.stride
        let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        raw.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        self.count = count
        self.pointer = raw.assumingMemoryBound(to: Element.self)
    }

    package convenience init(_ values: [Element]) {
        self.init(count: values.count)
        values.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { pointer.update(from: base, count: values.count) }
        }
    }

    deinit { UnsafeMutableRawPointer(pointer).deallocate() }

    package subscript(index: Int) -> Element {
        get {
            precondition(index >= 0 && index < count, "index \(index) of \(count)")
            return pointer[index]
        }
        set {
            precondition(index >= 0 && index < count, "index \(index) of \(count)")
            pointer[index] = newValue
        }
    }

    package var array: [Element] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
}
