extension PickleReader {
    /// Pushes the scalar that an opcode stands for; false for opcodes of another kind.
    mutating func readScalar(_ opcode: PickleOpcode) throws -> Bool {
        switch opcode {
        case .none: try push(.none)
        case .newTrue: try push(.bool(true))
        case .newFalse: try push(.bool(false))
        case .int: try push(decimal(input.textLine(), truthValues: true))
        case .long: try push(decimal(input.textLine(), truthValues: false))
        case .binInt: try push(.int(Int64(Int32(truncatingIfNeeded: input.unsigned(4)))))
        case .binInt1: try push(.int(Int64(input.unsigned(1))))
        case .binInt2: try push(.int(Int64(input.unsigned(2))))
        case .long1: try push(twosComplement(input.bytes(input.unsigned(1))))
        case .long4: try push(twosComplement(input.bytes(length(4))))
        case .float:
            let line = try input.textLine()
            guard let value = Double(line) else { throw input.failure("\"\(line.prefix(40))\" is no number") }
            try push(.float(value))
        case .binFloat:
            let bits = try input.bytes(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            try push(.float(Double(bitPattern: bits)))
        case .string: try push(.bytes(quoted(input.line())))
        case .binString: try pushBytes(length(4))
        case .shortBinString, .shortBinBytes: try pushBytes(input.unsigned(1))
        case .binBytes: try pushBytes(input.unsigned(4))
        case .binBytes8, .byteArray8: try pushBytes(input.unsigned(8))
        case .unicode: try push(.text(rawUnicode(input.line())))
        case .binUnicode: try pushText(input.unsigned(4))
        case .shortBinUnicode: try pushText(input.unsigned(1))
        case .binUnicode8: try pushText(input.unsigned(8))
        default: return false
        }
        return true
    }

    /// A signed length, as protocols 1 and 2 have it.
    private mutating func length(_ width: Int) throws -> Int {
        let length = try input.unsigned(width)
        guard length <= Int(Int32.max) else { throw input.failure("a negative length is announced") }
        return length
    }

    private mutating func pushBytes(_ count: Int) throws {
        if count <= policy.longestInline {
            try push(.bytes(input.bytes(count)))
        } else {
            let place = PicklePlace(offset: input.offset, count: count)
            try input.skip(count)
            try push(.longBytes(place))
        }
    }

    private mutating func pushText(_ count: Int) throws {
        if count <= policy.longestInline {
            guard let text = String(validating: try input.bytes(count), as: UTF8.self) else {
                throw input.failure("a text is no UTF-8")
            }
            try push(.text(text))
        } else {
            let place = PicklePlace(offset: input.offset, count: count)
            try input.skip(count)
            try push(.longText(place))
        }
    }

    private func decimal(_ line: String, truthValues: Bool) throws -> PickleValue {
        if truthValues, line == "00" || line == "01" { return .bool(line == "01") }
        let digits = line.hasSuffix("L") ? line.dropLast() : line[...]
        if let value = Int64(digits) { return .int(value) }
        guard let bytes = Self.bigInteger(digits) else {
            throw input.failure("\"\(line.prefix(40))\" is no integer that is read here")
        }
        return .bigInteger(bytes)
    }

    /// Two's complement of a decimal number, the lowest byte first; nil for all else and beyond 1,000 digits.
    private static func bigInteger(_ text: Substring) -> [UInt8]? {
        let isNegative = text.hasPrefix("-")
        let digits = isNegative ? text.dropFirst() : text
        guard !digits.isEmpty, digits.utf8.count <= 1000 else { return nil }
        var bytes: [UInt8] = []
        for digit in digits.utf8 {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            var carry = Int(digit) - 0x30
            for place in bytes.indices {
                carry += 10 * Int(bytes[place])
                bytes[place] = UInt8(truncatingIfNeeded: carry)
                carry >>= 8
            }
            if carry > 0 { bytes.append(UInt8(truncatingIfNeeded: carry)) }
        }
        // Room for the sign.
        bytes.append(0)
        if isNegative {
            var carry = 1
            for place in bytes.indices {
                carry += Int(~bytes[place])
                bytes[place] = UInt8(truncatingIfNeeded: carry)
                carry >>= 8
            }
        }
        // As short as Python writes it: no byte that only repeats the sign.
        while bytes.count > 1, bytes[bytes.count - 1] == (bytes[bytes.count - 2] >= 0x80 ? 0xFF : 0) {
            bytes.removeLast()
        }
        return bytes
    }

    private func twosComplement(_ bytes: [UInt8]) -> PickleValue {
        guard bytes.count <= 8 else { return .bigInteger(bytes) }
        let fill: UInt8 = (bytes.last ?? 0) >= 0x80 ? 0xFF : 0
        var bits: UInt64 = 0
        for place in 0..<8 { bits |= UInt64(place < bytes.count ? bytes[place] : fill) << UInt64(8 * place) }
        return .int(Int64(bitPattern: bits))
    }

    /// A string of protocol 0: as Python 2 prints it, in quotes, with escapes.
    private func quoted(_ line: [UInt8]) throws -> [UInt8] {
        let quotes = [UInt8(ascii: "'"), UInt8(ascii: "\"")]
        guard line.count >= 2, let first = line.first, quotes.contains(first), line.last == first else {
            throw input.failure("a string is not in quotes")
        }
        let escapes: [UInt8: UInt8] = [
            UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9, UInt8(ascii: "\\"): 92,
            UInt8(ascii: "'"): 39, UInt8(ascii: "\""): 34,
        ]
        var rest = line.dropFirst().dropLast()
        var result: [UInt8] = []
        while let next = rest.popFirst() {
            guard next == UInt8(ascii: "\\") else {
                result.append(next)
                continue
            }
            let code = rest.popFirst()
            if code == UInt8(ascii: "x"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                result.append(value)
                rest = rest.dropFirst(2)
            } else if let code, let value = escapes[code] {
                result.append(value)
            } else {
                throw input.failure("a string has an escape that is not known")
            }
        }
        return result
    }

    /// A text of protocol 0: Latin-1 with \uXXXX and \UXXXXXXXX.
    private func rawUnicode(_ line: [UInt8]) throws -> String {
        var rest = line[...]
        var result = String.UnicodeScalarView()
        while let next = rest.popFirst() {
            let width = rest.first == UInt8(ascii: "u") ? 4 : rest.first == UInt8(ascii: "U") ? 8 : 0
            guard next == UInt8(ascii: "\\"), width > 0 else {
                result.append(Unicode.Scalar(next))
                continue
            }
            let digits = String(decoding: rest.dropFirst().prefix(width), as: UTF8.self)
            guard digits.count == width, let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value)
            else {
                throw input.failure("a text has an escape that is not known")
            }
            result.append(scalar)
            rest = rest.dropFirst(1 + width)
        }
        return String(result)
    }
}
