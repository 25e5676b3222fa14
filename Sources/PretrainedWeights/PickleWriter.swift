import Foundation

/// Writes what torch.load reads with weights_only=True: dictionaries of tensors and plain values, at protocol 2.
///
/// Opcodes: Lib/pickletools.py of CPython; tensors as torch/_tensor.py and torch/serialization.py have them.
struct PickleWriter {
    /// A value of a dictionary.
    indirect enum Value {
        case none
        case integer(Int)
        case number(Double)
        /// A dictionary in the given order, an OrderedDict of Python as state_dict() makes it.
        case ordered([(String, Value)])
        case dictionary([(String, Value)])
        case list([Value])
        /// A tensor of Float, row-major, by the number of its storage.
        case tensor(storage: Int, shape: [Int])
    }

    private var bytes = Data([0x80, 2])

    /// The pickle of a value.
    static func pickle(_ value: Value) -> Data {
        var writer = PickleWriter()
        writer.write(value)
        writer.bytes.append(UInt8(ascii: "."))
        return writer.bytes
    }

    private mutating func write(_ value: Value) {
        switch value {
        case .none: opcode("N")
        case .integer(let number): write(number)
        case .number(let number):
            opcode("G")
            withUnsafeBytes(of: number.bitPattern.bigEndian) { bytes.append(contentsOf: $0) }
        case .dictionary(let entries):
            opcode("}")
            write(entries)
        case .ordered(let entries):
            global("collections", "OrderedDict")
            opcode(")")
            opcode("R")
            write(entries)
        case .list(let items):
            opcode("]")
            opcode("(")
            for item in items { write(item) }
            opcode("e")
        case .tensor(let storage, let shape): writeTensor(storage, shape)
        }
    }

    private mutating func write(_ entries: [(String, Value)]) {
        opcode("(")
        for (key, value) in entries {
            write(key)
            write(value)
        }
        opcode("u")
    }

    private mutating func writeTensor(_ storage: Int, _ shape: [Int]) {
        global("torch._utils", "_rebuild_tensor_v2")
        opcode("(")
        opcode("(")
        write("storage")
        global("torch", "FloatStorage")
        write(String(storage))
        write("cpu")
        write(shape.reduce(1, *))
        opcode("t")
        opcode("Q")
        write(0)
        for extents in [shape, StoredTensor.rowMajor(shape)] {
            opcode("(")
            for extent in extents { write(extent) }
            opcode("t")
        }
        // No gradient, no hooks.
        bytes.append(0x89)
        global("collections", "OrderedDict")
        opcode(")")
        opcode("R")
        opcode("t")
        opcode("R")
    }

    private mutating func opcode(_ character: Unicode.Scalar) { bytes.append(UInt8(ascii: character)) }

    private mutating func global(_ module: String, _ name: String) {
        opcode("c")
        bytes.append(contentsOf: "\(module)\n\(name)\n".utf8)
    }

    private mutating func write(_ text: String) {
        opcode("X")
        bytes.append(littleEndian: UInt32(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    private mutating func write(_ number: Int) {
        if let small = Int32(exactly: number) {
            opcode("J")
            bytes.append(littleEndian: small)
        } else {
            bytes.append(contentsOf: [0x8A, 8])
            bytes.append(littleEndian: Int64(number))
        }
    }
}
