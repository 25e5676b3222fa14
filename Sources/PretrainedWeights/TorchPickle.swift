import Pickle
import Safetensors

/// What of PyTorch is read in its pickles: dictionaries of tensors and a few plain values.
///
/// Names and arguments as in torch/_utils.py, torch/serialization.py and torch/_weights_only_unpickler.py. Nothing is
/// executed: calls are recorded, and those that make tensors are understood.
struct TorchPickle {
    /// Classes and functions that stand for plain values, dictionaries and tensors.
    static let globals: Set<String> = {
        var names: Set<String> = [
            "collections.OrderedDict", "collections.Counter", "collections.defaultdict", "torch.Size", "torch.device",
            "torch.Tensor", "torch.nn.parameter.Parameter", "torch._tensor._rebuild_from_type_v2",
            "torch.serialization._get_layout", "_codecs.encode", "torch.storage.TypedStorage",
            "torch.storage.UntypedStorage", "torch.storage._load_from_bytes",
        ]
        names.remove("torch.storage._load_from_bytes")
        for function in ["tensor", "tensor_v2", "tensor_v3", "parameter", "parameter_with_state"] {
            names.insert("torch._utils._rebuild_\(function)")
        }
        for module in ["builtins", "__builtin__"] {
            for name in ["set", "frozenset", "bytearray", "complex", "dict", "list", "int", "float", "bool", "str"] {
                names.insert("\(module).\(name)")
            }
        }
        for name in storageTypes.keys { names.insert("torch.\(name)") }
        for name in elementTypes.keys { names.insert("torch.\(name)") }
        return names
    }()

    /// Keys of training programs whose content is stepped over.
    static let opaqueKeys: Set<String> = ["opt", "optimizer", "args", "scaler"]

    static let storageTypes: [String: SafetensorsDataType] = [
        "FloatStorage": .float32, "HalfStorage": .float16, "BFloat16Storage": .bfloat16, "DoubleStorage": .float64,
        "LongStorage": .int64, "IntStorage": .int32, "ShortStorage": .int16, "CharStorage": .int8,
        "ByteStorage": .uint8, "BoolStorage": .bool,
    ]

    private static let elementTypes: [String: SafetensorsDataType] = [
        "float32": .float32, "float16": .float16, "bfloat16": .bfloat16, "float64": .float64, "int64": .int64,
        "int32": .int32, "int16": .int16, "int8": .int8, "uint8": .uint8, "bool": .bool, "uint16": .uint16,
        "uint32": .uint32, "uint64": .uint64,
    ]

    static let policy = PickleReader.Policy(
        globals: globals, recordsUnknownGlobals: true, allowsPersistentIdentifiers: true, maximumValues: 1_000_000)

    /// A storage as a pickle names it.
    struct StorageName {
        let key: String
        /// None: bytes without a type.
        let type: SafetensorsDataType?
        /// As announced: elements of the type, or bytes without one.
        let count: Int
    }

    let document: PickleDocument
    let file: String
    let isBigEndian: Bool
    let storage: (StorageName) throws -> any TensorStorage

    /// What a file holds, by names joined with dots.
    struct Content {
        var tensors: [String: StoredTensor] = [:]
        /// Numbers and texts, written out.
        var values: [String: String] = [:]
        /// Keys at the top whose content was stepped over.
        var steppedOver: [String] = []
    }

    private func failure(_ name: String?, _ message: String, _ remedy: String = WeightError.again) -> WeightError {
        WeightError(file: file, tensor: name.map { "\"\($0)\"" }, message: message, remedy: remedy)
    }

    /// - Throws: `WeightError`, also where the file asks for a class or a function that is not known.
    func content() throws -> Content {
        guard let root = entries(of: document.root) else {
            throw failure(
                nil, "holds \(described(document.root)) where a dictionary of tensors is expected",
                "write the network's state_dict() with torch.save")
        }
        var content = Content()
        let (opaque, read) = (
            root.filter { key($0).map(Self.opaqueKeys.contains) ?? false },
            root.filter { !(key($0).map(Self.opaqueKeys.contains) ?? false) }
        )
        let unknown = document.globals(in: read.flatMap { [$0.key, $0.value] }).filter { !Self.globals.contains($0) }
        guard unknown.isEmpty else {
            throw failure(
                nil,
                "asks for \(unknown.prefix(8).joined(separator: ", ")), which is not read here (nothing was executed)",
                "load it in PyTorch, and write the network's state_dict() with torch.save")
        }
        content.steppedOver = Set(opaque.compactMap { key($0) }).sorted()
        var visited = 0
        try add(read, prefix: "", depth: 0, visited: &visited, to: &content)
        return content
    }

    private func key(_ entry: PickleEntry) -> String? {
        document.string(entry.key) ?? entry.key.integer.map { "\($0)" }
    }

    /// Entries of a dictionary of any of Python's classes; nil for all else.
    private func entries(of value: PickleValue) -> [PickleEntry]? {
        if let entries = document.entries(of: value) { return entries }
        guard let object = document.object(value), case .global(_, let name) = object.callable,
            ["OrderedDict", "Counter", "defaultdict", "dict"].contains(name)
        else { return nil }
        return object.entries
    }

    /// More tensors than this are no network, but the same few named again and again.
    private static let mostEntries = 200_000
    private static let deepest = 6

    private func add(
        _ entries: [PickleEntry], prefix: String, depth: Int, visited: inout Int, to content: inout Content
    ) throws {
        for entry in entries {
            visited += 1
            guard visited <= Self.mostEntries else { throw failure(nil, "has more than \(Self.mostEntries) entries") }
            guard let key = key(entry) else {
                throw failure(prefix, "has the key \(described(entry.key)) where a name is expected")
            }
            let name = prefix + key
            if let tensor = try tensor(entry.value, name: name) {
                // The last one of a key that was set twice, as Python has it.
                content.tensors[name] = tensor
            } else if let inner = self.entries(of: entry.value) {
                guard depth < Self.deepest else { throw failure(name, "lies too deep") }
                try add(inner, prefix: name + ".", depth: depth + 1, visited: &visited, to: &content)
            } else {
                content.values[name] = described(entry.value)
            }
        }
    }

    private func described(_ value: PickleValue) -> String {
        switch value {
        case .int(let number): "\(number)"
        case .float(let number): "\(number)"
        case .bool(let flag): flag ? "True" : "False"
        case .none: "None"
        case .object: document.object(value)?.callable.kind ?? value.kind
        default: document.string(value).map { String($0.prefix(200)) } ?? value.kind
        }
    }

    // MARK: Tensors

    /// The tensor that a recorded call makes; nil for all else.
    private func tensor(_ value: PickleValue, name: String) throws -> StoredTensor? {
        var value = value
        // A parameter wraps a tensor, a subclass the call that makes one.
        for _ in 0..<8 {
            guard let object = document.object(value), case .global(let module, let function) = object.callable,
                let arguments = document.items(of: object.arguments)
            else { return nil }
            switch "\(module).\(function)" {
            case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
                guard let inner = arguments.first else { throw failure(name, "is a parameter without a tensor") }
                value = inner
            case "torch._tensor._rebuild_from_type_v2":
                guard arguments.count >= 3, case .global(let module, let function) = arguments[0],
                    let inner = document.items(of: arguments[2])
                else { throw failure(name, "is a tensor of an unknown class") }
                return try tensor("\(module).\(function)", inner, name: name)
            default:
                return try tensor("\(module).\(function)", arguments, name: name)
            }
        }
        throw failure(name, "wraps a tensor too often")
    }

    private func tensor(_ function: String, _ arguments: [PickleValue], name: String) throws -> StoredTensor? {
        guard
            ["_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3"].map({ "torch._utils." + $0 }).contains(
                function)
        else {
            if function.hasPrefix("torch._utils.") {
                throw failure(name, "is made by \(function), which is not read here")
            }
            return nil
        }
        guard arguments.count >= 4, let offset = arguments[1].integer, let shape = extents(arguments[2]),
            let strides = extents(arguments[3])
        else { throw failure(name, "is no tensor that is read here") }
        let stored = try storageName(arguments[0], name: name)
        var type = stored.type
        if function.hasSuffix("_v3"), arguments.count >= 7, case .global("torch", let element) = arguments[6] {
            type = Self.elementTypes[element]
        }
        guard let type else { throw failure(name, "has elements of an unknown type") }
        return try StoredTensor(
            type, shape: shape, strides: strides, offset: offset, isBigEndian: isBigEndian, storage: storage(stored),
            file: file, name: name)
    }

    /// A tuple of integers, or one inside torch.Size.
    private func extents(_ value: PickleValue) -> [Int]? {
        if let object = document.object(value), object.callable == .global(module: "torch", name: "Size") {
            return document.items(of: object.arguments)?.first.flatMap { document.integers(of: $0) }
        }
        return document.integers(of: value)
    }

    private func storageName(_ value: PickleValue, name: String) throws -> StorageName {
        guard case .persistent = value, let identifier = document.items(of: value)?.first,
            let parts = document.items(of: identifier), parts.count >= 5, document.string(parts[0]) == "storage",
            case .global(_, let storageClass) = parts[1], let key = document.string(parts[2]),
            let count = parts[4].integer, count >= 0
        else { throw failure(name, "has a storage that is not described as PyTorch does") }
        if parts.count > 5, parts[5] != .none {
            throw failure(
                name, "is a view of a part of another storage", "load it in a newer PyTorch, and write it again")
        }
        let type = Self.storageTypes[storageClass]
        guard type != nil || ["TypedStorage", "UntypedStorage"].contains(storageClass) else {
            throw failure(name, "has elements of \(storageClass), which is not read here")
        }
        return StorageName(key: key, type: type, count: count)
    }
}
