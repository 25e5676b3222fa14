package import Foundation

/// An event of a TensorBoard event file.
package struct ReadEvent: Equatable, Sendable {
    package var step = 0
    package var wallTime = 0.0
    package var fileVersion: String?
    package var isSessionStart = false
    /// By tag.
    package var scalars: [String: Float] = [:]
}

/// Reads event files independently of what writes them. Checksums are left to TensorBoard itself.
package enum EventReader {
    package struct Damaged: Error {}

    /// The events of one file.
    package static func events(_ data: Data) throws -> [ReadEvent] {
        var rest = Array(data)[...]
        var events: [ReadEvent] = []
        while !rest.isEmpty {
            guard rest.count >= 16 else { throw Damaged() }
            let length = Int(integer(rest.prefix(8)))
            guard rest.count >= 16 + length else { throw Damaged() }
            events.append(try event(rest.dropFirst(12).prefix(length)))
            rest = rest.dropFirst(16 + length)
        }
        return events
    }

    /// Tag and step → value as TensorBoard has it after reading the files of a folder: a start of a session drops its
    /// step and later ones.
    package static func scalars(inFolder folder: String) throws -> [String: Float] {
        var values: [(step: Int, tag: String, value: Float)] = []
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.contains("tfevents") }
        for name in names.sorted() {
            for event in try events(Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))) {
                if event.isSessionStart { values.removeAll { $0.step >= event.step } }
                values += event.scalars.map { (event.step, $0.key, $0.value) }
            }
        }
        return try values.reduce(into: [:]) { all, item in
            // A point that is there twice would be drawn twice.
            guard all.updateValue(item.value, forKey: "\(item.tag) \(item.step)") == nil else { throw Damaged() }
        }
    }

    private static func event(_ bytes: ArraySlice<UInt8>) throws -> ReadEvent {
        var event = ReadEvent()
        for field in try fields(bytes) {
            switch field.number {
            case 1: event.wallTime = Double(bitPattern: field.value)
            case 2: event.step = Int(field.value)
            case 3: event.fileVersion = String(decoding: field.content, as: UTF8.self)
            case 5:
                for value in try fields(field.content) {
                    let parts = try fields(value.content)
                    guard let tag = parts.first(where: { $0.number == 1 })?.content,
                        let number = parts.first(where: { $0.number == 2 })?.value
                    else { throw Damaged() }
                    event.scalars[String(decoding: tag, as: UTF8.self)] = Float(bitPattern: UInt32(number))
                }
            case 7: event.isSessionStart = try fields(field.content).contains { $0.number == 1 && $0.value == 1 }
            default: throw Damaged()
            }
        }
        return event
    }

    private typealias Field = (number: Int, value: UInt64, content: ArraySlice<UInt8>)

    private static func fields(_ bytes: ArraySlice<UInt8>) throws -> [Field] {
        var rest = bytes
        var fields: [Field] = []
        func varint() throws -> UInt64 {
            var (value, shift) = (UInt64(0), UInt64(0))
            while let byte = rest.popFirst() {
                value |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
            throw Damaged()
        }
        while !rest.isEmpty {
            let key = try varint()
            var field: Field = (Int(key >> 3), 0, [])
            switch key & 7 {
            case 0: field.value = try varint()
            case 1, 5:
                let size = key & 7 == 1 ? 8 : 4
                field.value = integer(rest.prefix(size))
                rest = rest.dropFirst(size)
            default:
                let size = Int(try varint())
                guard size <= rest.count else { throw Damaged() }
                field.content = rest.prefix(size)
                rest = rest.dropFirst(size)
            }
            fields.append(field)
        }
        return fields
    }

    /// Little-endian.
    private static func integer(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
