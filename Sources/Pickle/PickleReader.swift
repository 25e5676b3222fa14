/// Reads the pickles of Python, protocols 0 to 5, and executes nothing: what Python would call is recorded.
///
/// Format: Lib/pickletools.py of CPython. Long strings stay in the file; all else takes memory in proportion to the number
/// of values, which is limited. Opcodes and globals that are not known are refused by name.
package struct PickleReader {
    /// What a file may ask for.
    package struct Policy: Sendable {
        /// Classes and functions that may be named, as "module.name".
        package var globals: Set<String>
        /// Whether others are recorded too, for a caller that steps over parts of a file: it finds by
        /// `PickleDocument.globals` what the parts that it reads ask for.
        package var recordsUnknownGlobals: Bool
        /// Objects that are kept elsewhere (PyTorch's storages) may be named.
        package var allowsPersistentIdentifiers: Bool
        /// More values than this are refused.
        package var maximumValues: Int
        /// Strings up to this many bytes are read, longer ones stay in the file.
        package var longestInline: Int

        package init(
            globals: Set<String>, recordsUnknownGlobals: Bool = false, allowsPersistentIdentifiers: Bool = false,
            maximumValues: Int = 4_000_000, longestInline: Int = 4096
        ) {
            self.globals = globals
            self.recordsUnknownGlobals = recordsUnknownGlobals
            self.allowsPersistentIdentifiers = allowsPersistentIdentifiers
            self.maximumValues = maximumValues
            self.longestInline = longestInline
        }
    }

    var input: PickleInput
    let policy: Policy
    var stack: [PickleValue] = []
    var marks: [Int] = []
    var memo: [Int: PickleValue] = [:]
    var nodes: [PickleNode] = []
    var persistentIdentifiers: [PickleValue] = []
    /// Values, marks and places in the memo that were made: what memory is in proportion to.
    private var madeCount = 0

    private init(_ input: PickleInput, policy: Policy) {
        self.input = input
        self.policy = policy
    }

    /// Reads one pickle.
    ///
    /// - Parameters:
    ///   - size: Bytes of the file.
    ///   - offset: Where the pickle begins.
    ///   - fetch: Reads bytes of the file.
    /// - Throws: `PickleError`, and what `fetch` throws.
    package static func read(
        size: Int, from offset: Int = 0, policy: Policy, fetch: @escaping PickleDocument.Fetch
    ) throws -> PickleDocument {
        guard offset >= 0, offset <= size else {
            throw PickleError(offset: offset, problem: "the file ends before the pickle begins")
        }
        var reader = PickleReader(PickleInput(size: size, from: offset, fetch: fetch), policy: policy)
        let root = try reader.run()
        return PickleDocument(
            root: root, end: reader.input.offset, persistentIdentifiers: reader.persistentIdentifiers,
            nodes: reader.nodes, fetch: fetch)
    }

    /// Reads a pickle that is in memory.
    package static func read(_ bytes: [UInt8], policy: Policy) throws -> PickleDocument {
        try read(size: bytes.count, policy: policy) { offset, count in Array(bytes[offset..<offset + count]) }
    }

    private mutating func run() throws -> PickleValue {
        while true {
            let code = try input.byte()
            if code == UInt8(ascii: ".") {
                guard stack.count == 1, marks.isEmpty, let root = stack.last else {
                    throw input.failure("STOP leaves \(stack.count) values instead of one")
                }
                return root
            }
            guard let opcode = PickleOpcode(rawValue: code) else {
                let name = PickleOpcode.refused[code] ?? "0x" + String(code, radix: 16)
                throw PickleError(offset: input.offset - 1, problem: "the opcode \(name) is not read here")
            }
            if try !readScalar(opcode) { try perform(opcode) }
        }
    }

    // MARK: The stack

    mutating func push(_ value: PickleValue) throws {
        try count()
        stack.append(value)
    }

    /// Counts a value, a mark or a place in the memo.
    mutating func count() throws {
        madeCount += 1
        guard madeCount <= policy.maximumValues else {
            throw input.failure("the pickle has more than \(policy.maximumValues) values")
        }
    }

    /// Pushes what a new node holds, named by `name`.
    mutating func push(_ node: PickleNode, as name: (Int) -> PickleValue) throws {
        nodes.append(node)
        try push(name(nodes.count - 1))
    }

    mutating func pop() throws -> PickleValue {
        guard stack.count > (marks.last ?? 0), let value = stack.popLast() else {
            throw input.failure("the stack is empty where a value is needed")
        }
        return value
    }

    func top() throws -> PickleValue {
        guard stack.count > (marks.last ?? 0), let value = stack.last else {
            throw input.failure("the stack is empty where a value is needed")
        }
        return value
    }

    /// Takes all values above the last mark, and the mark.
    mutating func popToMark() throws -> [PickleValue] {
        guard let mark = marks.popLast() else { throw input.failure("a mark is missing on the stack") }
        let values = Array(stack[mark...])
        stack.removeSubrange(mark...)
        return values
    }

    mutating func entries(_ values: [PickleValue]) throws -> [PickleEntry] {
        guard values.count.isMultiple(of: 2) else { throw input.failure("a key of a dictionary has no value") }
        return stride(from: 0, to: values.count, by: 2).map { PickleEntry(key: values[$0], value: values[$0 + 1]) }
    }

    func permitted(module: String, name: String) throws -> PickleValue {
        guard policy.recordsUnknownGlobals || policy.globals.contains("\(module).\(name)") else {
            throw input.failure(
                "it asks for \(module).\(name), which is not among what is read here (nothing was executed)")
        }
        return .global(module: module, name: name)
    }
}
