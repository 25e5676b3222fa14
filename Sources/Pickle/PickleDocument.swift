/// The content of a pickle: one value and all that it leads to.
package struct PickleDocument: Sendable {
    /// Reads `count` bytes of the file from an offset on.
    package typealias Fetch = @Sendable (_ offset: Int, _ count: Int) throws -> [UInt8]

    package let root: PickleValue
    /// The byte behind the pickle.
    package let end: Int
    /// What identifies the objects that are kept elsewhere, each as often as it was named.
    package let persistentIdentifiers: [PickleValue]
    let nodes: [PickleNode]
    let fetch: Fetch

    /// The values in a list, a tuple or a set; nil for all else. The identifier of a persistent object is its only one.
    package func items(of value: PickleValue) -> [PickleValue]? {
        switch value {
        case .tuple(let number), .list(let number), .set(let number), .persistent(let number):
            guard case .sequence(let items) = nodes[number] else { return nil }
            return items
        default: return nil
        }
    }

    /// The entries of a dictionary in the order of the file, a repeated key as often as it was set; nil for all else.
    package func entries(of value: PickleValue) -> [PickleEntry]? {
        guard case .dictionary(let number) = value, case .dictionary(let entries) = nodes[number] else { return nil }
        return entries
    }

    /// The call that made an object; nil for all else.
    package func object(_ value: PickleValue) -> PickleObject? {
        guard case .object(let number) = value, case .object(let object) = nodes[number] else { return nil }
        return object
    }

    /// A short text: itself, a string of Python 2, or bytes as Python 3 writes them below protocol 3, which is a text to be
    /// encoded as Latin-1. Nil for all else.
    package func string(_ value: PickleValue) -> String? {
        guard let object = object(value) else { return value.string }
        guard object.callable == .global(module: "_codecs", name: "encode"),
            let text = items(of: object.arguments)?.first?.string,
            text.utf8.allSatisfy({ $0 < 0x80 })
        else { return nil }
        return text
    }

    /// The value of a key that is a text (or a string of Python 2), the last one where it was set more than once.
    package func value(of key: String, in dictionary: PickleValue) -> PickleValue? {
        entries(of: dictionary)?.last { string($0.key) == key }?.value
    }

    /// The texts of a list or tuple; nil where something else is among them.
    package func strings(of value: PickleValue) -> [String]? {
        guard let items = items(of: value) else { return nil }
        let strings = items.compactMap { string($0) }
        return strings.count == items.count ? strings : nil
    }

    /// The integers of a list or tuple; nil where something else is among them.
    package func integers(of value: PickleValue) -> [Int]? {
        guard let items = items(of: value) else { return nil }
        let integers = items.compactMap(\.integer)
        return integers.count == items.count ? integers : nil
    }

    /// The classes and functions that values and all they lead to name, as "module.name", sorted.
    ///
    /// Each value is looked at once, without recursion, so that neither cycles nor depth matter.
    package func globals(in values: [PickleValue]) -> [String] {
        var found: Set<String> = []
        var visited: Set<Int> = []
        var waiting = values
        while let value = waiting.popLast() {
            let number: Int
            switch value {
            case .global(let module, let name):
                found.insert("\(module).\(name)")
                continue
            case .tuple(let node), .list(let node), .set(let node), .dictionary(let node), .object(let node),
                .persistent(let node):
                number = node
            default: continue
            }
            guard visited.insert(number).inserted else { continue }
            switch nodes[number] {
            case .sequence(let items): waiting += items
            case .dictionary(let entries): for entry in entries { waiting += [entry.key, entry.value] }
            case .object(let object):
                waiting += [object.callable, object.arguments] + object.items
                if let state = object.state { waiting.append(state) }
                for entry in object.entries { waiting += [entry.key, entry.value] }
            }
        }
        return found.sorted()
    }
}
