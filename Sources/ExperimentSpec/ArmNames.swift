/// The names of a matrix' arms, which are found in any spelling of their values: "lr=1e-3" is "lr=0.001", and
/// "momentum=0.9,1.0" is "momentum=0.9,1".
struct ArmNames {
    let all: [String]
    private let known: Set<String>
    private let axes: [SpecMatrix.Axis]

    init(_ arms: [SpecArm], of matrix: SpecMatrix) {
        all = arms.map(\.name)
        known = Set(all)
        axes = matrix.axes.filter { $0.key != nil }
    }

    /// The arm that is meant; none where there is none.
    func find(_ text: String) -> String? {
        if known.contains(text) { return text }
        let usual = self.usual(text)
        return known.contains(usual) ? usual : nil
    }

    /// A name or a pattern with the values of axes as they stand in names.
    func usual(_ text: String) -> String {
        var result = ""
        var rest = text[...]
        while !rest.isEmpty {
            if result.last.map({ ".*?".contains($0) }) ?? true, let (name, length) = option(atStartOf: rest) {
                result += name
                rest = rest.dropFirst(length)
            } else {
                result.append(rest.removeFirst())
            }
        }
        return result
    }

    /// The name of the option that a text begins with, and how long it is there.
    private func option(atStartOf text: Substring) -> (name: String, length: Int)? {
        for axis in axes where text.hasPrefix(axis.name + "=") {
            // The longest value that makes sense, up to the next part of the name or the seed.
            for length in (axis.name.count + 2...max(text.count, axis.name.count + 2)).reversed() {
                let (part, rest) = (text.prefix(length), text.dropFirst(length))
                guard rest.isEmpty || rest.hasPrefix(".") || rest.hasPrefix("-s") else { continue }
                if let index = axis.option(SpecNode.scalar(String(part))) { return (axis.options[index].name, length) }
            }
        }
        return nil
    }
}
