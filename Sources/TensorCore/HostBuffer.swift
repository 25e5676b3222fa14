#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Host memory of a fixed number of elements, aligned to 64 bytes and zero when made.
///
/// A large buffer takes physical memory as its pages are first written, so what is planned for the worst case and not used
/// costs nothing. Whoever holds the buffer orders its accesses: the engine gives each thread its own part.
package final class HostBuffer<Element: BitwiseCopyable & Sendable>: @unchecked Sendable {
    package let count: Int
    package let pointer: UnsafeMutablePointer<Element>
    /// Bytes mapped from the system; 0: the memory is the allocator's.
    private let mappedBytes: Int

    package init(count: Int) {
        precondition(count >= 0, "a buffer cannot hold \(count) elements")
        let bytes = max(count, 1) * MemoryLayout<Element>.stride
        self.count = count
        if bytes >= Self.leastMapped, let mapped = Self.map(bytes) {
            pointer = mapped.assumingMemoryBound(to: Element.self)
            mappedBytes = bytes
        } else {
            let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
            raw.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
            pointer = raw.assumingMemoryBound(to: Element.self)
            mappedBytes = 0
        }
    }

    package convenience init(_ values: [Element]) {
        self.init(count: values.count)
        values.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { pointer.update(from: base, count: values.count) }
        }
    }

    deinit {
        if mappedBytes > 0 {
            munmap(pointer, mappedBytes)
        } else {
            UnsafeMutableRawPointer(pointer).deallocate()
        }
    }

    /// Bytes from which on memory is mapped by itself.
    private static var leastMapped: Int { 1 << 20 }

    /// Zero pages, large ones where the system has them: products over weights and activations then miss fewer
    /// translations of addresses.
    private static func map(_ bytes: Int) -> UnsafeMutableRawPointer? {
        let mapped = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | mapAnonymous, -1, 0)
        guard let mapped, mapped != MAP_FAILED else { return nil }
        #if canImport(Glibc)
            madvise(mapped, bytes, Int32(MADV_HUGEPAGE))
        #endif
        return mapped
    }

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

#if canImport(Glibc)
    private let mapAnonymous = MAP_ANONYMOUS
#else
    private let mapAnonymous = MAP_ANON
#endif
