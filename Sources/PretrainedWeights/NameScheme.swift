import Foundation

/// How a network's parameters are called in a file.
///
/// The encoder's parameters have our names (those of the public code, and of timm); transformers has others, and keeps
/// queries, keys and values apart: modeling_ijepa.py and convert_ijepa_to_hf.py there.
struct NameScheme: Sendable, Hashable {
    enum Style: Sendable {
        case plain, huggingFace
    }

    let style: Style
    /// What goes before each name: "target_encoder.module.".
    let prefix: String

    /// What goes before the number of a block.
    var blockPrefix: String { prefix + (style == .plain ? "blocks." : "encoder.layer.") }
    var positions: String { prefix + (style == .plain ? "pos_embed" : "embeddings.position_embeddings") }

    /// The tensors that make up a parameter, one below the other.
    func names(of parameter: String) -> [String] {
        guard style == .huggingFace else { return [prefix + parameter] }
        let parts = parameter.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, parts[0] == "blocks" else {
            return [
                prefix
                    + parameter.replacing("patch_embed.proj", with: "embeddings.patch_embeddings.projection")
                    .replacing("norm.", with: "layernorm.")
            ]
        }
        let block = "\(blockPrefix)\(parts[1])."
        for (ours, theirs) in Self.inBlocks where parts[2].hasPrefix(ours + ".") {
            return theirs.map { block + $0 + parts[2].dropFirst(ours.count) }
        }
        return [block + parts[2]]
    }

    private static let inBlocks: [(String, [String])] = [
        ("norm1", ["layernorm_before"]), ("norm2", ["layernorm_after"]),
        ("attn.qkv", ["query", "key", "value"].map { "attention.attention." + $0 }),
        ("attn.proj", ["attention.output.dense"]), ("mlp.fc1", ["intermediate.dense"]), ("mlp.fc2", ["output.dense"]),
    ]
}

/// Names that are needed and not there, and names that are there and not known.
struct NameDifferences {
    let missing: [String]
    let leftOver: [String]

    private static let shown = 6

    var isEmpty: Bool { missing.isEmpty && leftOver.isEmpty }

    /// Both lists, each missing name with the nearest of those left over.
    var text: String {
        var parts: [String] = []
        if !missing.isEmpty {
            parts.append(
                "lacks \(missing.count): "
                    + list(missing) { name in nearest(to: name).map { "\(name) (near: \($0))" } ?? name })
        }
        if !leftOver.isEmpty { parts.append("has \(leftOver.count) that are not known: " + list(leftOver) { $0 }) }
        return parts.joined(separator: "; it ")
    }

    private func list(_ names: [String], _ text: (String) -> String) -> String {
        names.prefix(Self.shown).map(text).joined(separator: ", ")
            + (names.count > Self.shown ? " and \(names.count - Self.shown) more" : "")
    }

    /// The name left over that shares most parts between dots; where several do, the one that begins most alike.
    private func nearest(to name: String) -> String? {
        let parts = name.split(separator: ".")
        func shared(_ other: String) -> Int {
            var rest = other.split(separator: ".")
            return parts.count { part in
                guard let place = rest.firstIndex(of: part) else { return false }
                rest.remove(at: place)
                return true
            }
        }
        let best = leftOver.prefix(5000).map {
            (name: $0, shared: shared($0), alike: $0.commonPrefix(with: name).count)
        }
        .max { ($0.shared, $0.alike) < ($1.shared, $1.alike) }
        guard let best, 2 * best.shared >= parts.count else { return nil }
        return best.name
    }
}
