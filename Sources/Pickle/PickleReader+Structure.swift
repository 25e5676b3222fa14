extension PickleReader {
    /// Does what an opcode that is no scalar does to the stack, the memo and the containers.
    mutating func perform(_ opcode: PickleOpcode) throws {
        switch opcode {
        case .proto:
            let version = try input.byte()
            guard version <= 5 else { throw input.failure("protocol \(version) is newer than 5") }
        case .frame:
            let length = try input.unsigned(8)
            guard length <= input.remaining else {
                throw input.failure("the pickle is truncated: a frame of \(length) bytes begins")
            }
        case .mark:
            try count()
            marks.append(stack.count)
        case .pop:
            if marks.last == stack.count { marks.removeLast() } else { _ = try pop() }
        case .popMark: _ = try popToMark()
        case .dup: try push(top())
        case .put: try remember(number(input.textLine()))
        case .binPut: try remember(input.unsigned(1))
        case .longBinPut: try remember(input.unsigned(4))
        case .memoize: try remember(memo.count)
        case .get: try recall(number(input.textLine()))
        case .binGet: try recall(input.unsigned(1))
        case .longBinGet: try recall(input.unsigned(4))
        case .emptyTuple: try push(.sequence([])) { .tuple($0) }
        case .tuple: try push(.sequence(popToMark())) { .tuple($0) }
        case .tuple1: try pushTuple(1)
        case .tuple2: try pushTuple(2)
        case .tuple3: try pushTuple(3)
        case .emptyList: try push(.sequence([])) { .list($0) }
        case .list: try push(.sequence(popToMark())) { .list($0) }
        case .append: try append([pop()])
        case .appends, .addItems: try append(popToMark())
        case .emptyDict: try push(.dictionary([])) { .dictionary($0) }
        case .dict: try push(.dictionary(entries(popToMark()))) { .dictionary($0) }
        case .setItem:
            let value = try pop()
            try set([PickleEntry(key: pop(), value: value)])
        case .setItems: try set(entries(popToMark()))
        case .emptySet: try push(.sequence([])) { .set($0) }
        case .frozenSet: try push(.sequence(popToMark())) { .set($0) }
        default: try performObject(opcode)
        }
    }

    private mutating func performObject(_ opcode: PickleOpcode) throws {
        switch opcode {
        case .global:
            let module = try input.textLine()
            try push(permitted(module: module, name: input.textLine()))
        case .stackGlobal:
            let name = try pop().string
            guard let module = try pop().string, let name else { throw input.failure("a global has no name") }
            try push(permitted(module: module, name: name))
        case .reduce, .newObj:
            let arguments = try pop()
            try call(pop(), arguments)
        case .newObjEx:
            let keywords = try pop()
            guard case .dictionary(let number) = keywords, case .dictionary(let entries) = nodes[number],
                entries.isEmpty
            else { throw input.failure("an object is made with named arguments, which is not read here") }
            let arguments = try pop()
            try call(pop(), arguments)
        case .build:
            let state = try pop()
            guard case .object(let number) = try top(), case .object(var object) = nodes[number], object.state == nil
            else { throw input.failure("a state belongs to no object, or an object has two") }
            object.state = state
            nodes[number] = .object(object)
        case .persid: try pushPersistent(.text(input.textLine()))
        case .binPersid: try pushPersistent(pop())
        default: throw input.failure("the opcode \(opcode) is not read here")
        }
    }

    private func number(_ line: String) throws -> Int {
        guard let number = Int(line), number >= 0 else { throw input.failure("\"\(line.prefix(40))\" is no number") }
        return number
    }

    private mutating func remember(_ number: Int) throws {
        try count()
        memo[number] = try top()
    }

    private mutating func recall(_ number: Int) throws {
        guard let value = memo[number] else { throw input.failure("value \(number) is used before it is there") }
        try push(value)
    }

    private mutating func pushTuple(_ count: Int) throws {
        var items: [PickleValue] = []
        for _ in 0..<count { items.append(try pop()) }
        items.reverse()
        try push(.sequence(items)) { .tuple($0) }
    }

    private mutating func call(_ callable: PickleValue, _ arguments: PickleValue) throws {
        guard case .global = callable else { throw input.failure("\(callable.kind) is called") }
        guard case .tuple = arguments else { throw input.failure("arguments of a call are \(arguments.kind)") }
        try push(.object(PickleObject(callable: callable, arguments: arguments))) { .object($0) }
    }

    private mutating func pushPersistent(_ identifier: PickleValue) throws {
        guard policy.allowsPersistentIdentifiers else {
            throw input.failure("it names an object that is kept outside the file")
        }
        persistentIdentifiers.append(identifier)
        try push(.sequence([identifier])) { .persistent($0) }
    }

    private mutating func append(_ values: [PickleValue]) throws {
        let target = try top()
        switch target {
        case .list(let number), .set(let number):
            guard case .sequence(var items) = nodes[number] else { break }
            // Emptied first, so that the values are added in place and not to a copy.
            nodes[number] = .sequence([])
            items += values
            nodes[number] = .sequence(items)
            return
        case .object(let number):
            guard case .object(var object) = nodes[number] else { break }
            nodes[number] = .sequence([])
            object.items += values
            nodes[number] = .object(object)
            return
        default: break
        }
        throw input.failure("values are added to \(target.kind)")
    }

    private mutating func set(_ added: [PickleEntry]) throws {
        let target = try top()
        switch target {
        case .dictionary(let number):
            guard case .dictionary(var entries) = nodes[number] else { break }
            nodes[number] = .dictionary([])
            entries += added
            nodes[number] = .dictionary(entries)
            return
        case .object(let number):
            guard case .object(var object) = nodes[number] else { break }
            nodes[number] = .sequence([])
            object.entries += added
            nodes[number] = .object(object)
            return
        default: break
        }
        throw input.failure("keys are set in \(target.kind)")
    }
}
