/// An array of NumPy in a pickle: its description, and where its bytes are.
///
/// Python 2 and protocols 3 and 4: `numpy.core.multiarray._reconstruct(ndarray, (0,), b"b")` with the state (version,
/// shape, dtype, Fortran order, bytes). Python 3 at protocols 0 to 2: the bytes are `_codecs.encode(text, "latin1")`.
/// Protocol 5: `numpy.core.numeric._frombuffer(bytes, dtype, shape, order)`. NumPy 2 says `numpy._core`.
package struct PickledArray: Sendable {
    package enum Content: Sendable {
        /// They lie in the file as they are.
        case place(PicklePlace)
        case bytes([UInt8])

        package var count: Int {
            switch self {
            case .place(let place): place.count
            case .bytes(let bytes): bytes.count
            }
        }
    }

    /// What a reader of arrays has to permit.
    package static let globals: Set<String> = Set(
        ["numpy.core", "numpy._core"].flatMap { ["\($0).multiarray._reconstruct", "\($0).numeric._frombuffer"] }
            + ["numpy.ndarray", "numpy.dtype", "_codecs.encode"])

    /// As NumPy has it, without the order of bytes: "u1", "f4", "i8".
    package let elementType: String
    /// "<", ">", "|" or "=".
    package let byteOrder: String
    /// Extents, slowest first.
    package let shape: [Int]
    /// The first dimension is the fastest.
    package let isFortranOrdered: Bool
    package let content: Content

    /// Extents multiplied; nil beyond 64 bits.
    package var elementCount: Int? {
        shape.reduce(1) { (product: Int?, extent) in
            guard let product else { return nil }
            let (next, overflow) = product.multipliedReportingOverflow(by: extent)
            return overflow ? nil : next
        }
    }

    /// - Throws: `PickleError` for all that is no array; what reading the file throws.
    package init(_ value: PickleValue, in document: PickleDocument) throws {
        func failure(_ problem: String) -> PickleError { PickleError(offset: document.end, problem: problem) }
        guard let object = document.object(value), case .global(let module, let name) = object.callable,
            let arguments = document.items(of: object.arguments)
        else { throw failure("\(value.kind) stands where an array of NumPy is expected") }
        let description: PickleValue
        let bytes: PickleValue
        let extents: PickleValue
        if name == "_reconstruct", let state = object.state.flatMap({ document.items(of: $0) }), state.count == 5 {
            (extents, description, bytes) = (state[1], state[2], state[4])
            isFortranOrdered = state[3] == .bool(true) || state[3] == .int(1)
        } else if name == "_frombuffer", arguments.count == 4 {
            (bytes, description, extents) = (arguments[0], arguments[1], arguments[2])
            isFortranOrdered = arguments[3].string == "F"
        } else {
            throw failure("\(module).\(name) with \(arguments.count) arguments makes no array that is read here")
        }
        guard let shape = document.integers(of: extents), shape.allSatisfy({ $0 >= 0 }) else {
            throw failure("the shape of an array is \(extents.kind)")
        }
        self.shape = shape
        guard let type = document.object(description), case .global(_, "dtype") = type.callable,
            let code = document.items(of: type.arguments)?.first?.string
        else { throw failure("the type of an array is \(description.kind)") }
        elementType = code
        byteOrder = type.state.flatMap { document.items(of: $0) }.flatMap { $0.count > 1 ? $0[1].string : nil } ?? "|"
        content = try Self.content(bytes, in: document)
    }

    private static func content(_ value: PickleValue, in document: PickleDocument) throws -> Content {
        switch value {
        case .bytes(let bytes): return .bytes(bytes)
        case .longBytes(let place): return .place(place)
        default: break
        }
        guard let object = document.object(value), object.callable == .global(module: "_codecs", name: "encode"),
            let arguments = document.items(of: object.arguments), arguments.count == 2,
            ["latin1", "latin-1", "iso-8859-1"].contains(arguments[1].string)
        else {
            throw PickleError(offset: document.end, problem: "the content of an array is \(value.kind), not bytes")
        }
        switch arguments[0] {
        case .text(let text): return .bytes(try latin1(Array(text.utf8), at: document.end))
        case .longText(let place):
            return .bytes(try latin1(document.fetch(place.offset, place.count), at: place.offset))
        default:
            throw PickleError(offset: document.end, problem: "\(arguments[0].kind) is encoded as Latin-1")
        }
    }

    /// Bytes whose Latin-1 reading was written as UTF-8.
    private static func latin1(_ utf8: [UInt8], at offset: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(utf8.count)
        var index = 0
        while index < utf8.count {
            let first = utf8[index]
            if first < 0x80 {
                bytes.append(first)
                index += 1
            } else if first == 0xC2 || first == 0xC3, index + 1 < utf8.count, utf8[index + 1] & 0xC0 == 0x80 {
                bytes.append(first << 6 | utf8[index + 1] & 0x3F)
                index += 2
            } else {
                throw PickleError(offset: offset + index, problem: "a text that stands for bytes is not Latin-1")
            }
        }
        return bytes
    }
}
