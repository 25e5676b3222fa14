import Kernels
import Networks
import Safetensors
import TensorCore

/// Parameters of a network in the order of its layout.
package struct PretrainedValues: Sendable {
    /// One flat vector, gaps included.
    package let parameters: [Float]
    /// Names of tensors that hold a number that is not finite, sorted.
    package let nonFinite: [String]
}

/// Where the parameters of a network lie in a file: for each the tensors that make it up, one below the other.
struct NetworkTensors: Sendable {
    let file: String
    let sources: [String: [StoredTensor]]

    /// One flat vector in the order of a layout whose names are all there, in the right shapes.
    func values(_ layout: ParameterLayout) throws -> PretrainedValues {
        var flat = [Float](repeating: 0, count: layout.count)
        var nonFinite: [String] = []
        for entry in layout.entries {
            let values = try self.values(of: entry.name)
            guard values.count == entry.slot.shape.count else {
                throw WeightError(
                    file: file, tensor: entry.name,
                    message: "has \(values.count) elements instead of "
                        + "\(entry.slot.shape.count)", remedy: WeightError.again)
            }
            flat.replaceSubrange(entry.slot.offset..<(entry.slot.offset + values.count), with: values)
            if !values.allSatisfy(\.isFinite) { nonFinite.append(entry.name) }
        }
        return PretrainedValues(parameters: flat, nonFinite: nonFinite.sorted())
    }

    /// The values of one parameter, row-major.
    func values(of name: String) throws -> [Float] {
        try WeightError.naming(file, name) { try (sources[name] ?? []).flatMap { try $0.floats() } }
    }

    /// Finds the tensors of a layout under the names of a scheme.
    ///
    /// - Parameters:
    ///   - part: "encoder", for errors.
    ///   - known: Other names that belong to the part.
    ///   - isOptional: Whether a name below the prefix may be there without being read.
    ///   - remedy: What to do about names that are missing or left over.
    /// - Throws: `WeightError` with both lists, or for a tensor of another shape or type.
    init(
        _ file: WeightFile, of layout: ParameterLayout, scheme: NameScheme, part: String, known: Set<String>,
        isOptional: (String) -> Bool, remedy: (NameDifferences) -> String
    ) throws {
        var (sources, missing, used): ([String: [StoredTensor]], [String], Set<String>) = ([:], [], known)
        for entry in layout.entries {
            for name in scheme.names(of: entry.name) {
                used.insert(name)
                if let tensor = file.tensors[name] {
                    sources[entry.name, default: []].append(tensor)
                } else {
                    missing.append(name)
                }
            }
        }
        let leftOver = file.tensors.keys.filter { name in
            name.hasPrefix(scheme.prefix) && !used.contains(name) && !isOptional(name)
        }
        let differences = NameDifferences(missing: missing, leftOver: leftOver.sorted())
        guard differences.isEmpty else {
            throw WeightError(
                file: file.path, message: "the \(part) \(differences.text)", remedy: remedy(differences))
        }
        self.file = file.path
        self.sources = sources
        try check(layout, scheme: scheme)
    }

    /// - Throws: `WeightError` where a parameter has another shape than the layout says.
    private func check(_ layout: ParameterLayout, scheme: NameScheme) throws {
        for entry in layout.entries {
            let parts = sources[entry.name] ?? []
            for (part, name) in zip(parts, scheme.names(of: entry.name)) {
                var expected = entry.storedShape
                if let first = expected.first { expected[0] = first / max(parts.count, 1) }
                guard part.shape == expected else {
                    throw WeightError(
                        file: file, tensor: "tensor \"\(name)\"",
                        message: "has the shape \(part.shape) instead of \(expected)",
                        remedy: "the other tensors make a network in which it must have that one")
                }
                guard part.isFloatingPoint else {
                    throw WeightError(
                        file: file, tensor: "tensor \"\(name)\"",
                        message: "holds \(part.type.rawValue) instead of floating-point numbers",
                        remedy: "give weights that are not quantised")
                }
            }
        }
    }
}

extension WeightError {
    /// Gives errors that name no file theirs.
    static func naming<Result>(_ file: String, _ name: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch var error as WeightError where error.file.isEmpty {
            error.file = file
            error.tensor = "tensor \"\(name)\""
            throw error
        }
    }
}
