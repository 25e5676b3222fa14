/// One pre-norm transformer block, y = m + MLP(LN₂(m)) with m = x + Attn(LN₁(x)): its sizes, and the places of its
/// parameters in a flat vector (weights [out, in]).
package struct BlockLayout: Sendable, Hashable {
    /// D.
    package let width: Int
    /// H, a divisor of D.
    package let heads: Int
    /// Width of the MLP between fc1 and fc2.
    package let hidden: Int
    /// [D] each.
    package let norm1: AffineSlots
    /// [3·D, D]: queries, keys, values, each of H heads of D/H.
    package let qkv: AffineSlots
    /// [D, D].
    package let proj: AffineSlots
    /// [D] each.
    package let norm2: AffineSlots
    /// [hidden, D].
    package let fc1: AffineSlots
    /// [D, hidden].
    package let fc2: AffineSlots

    /// The epsilon of both LayerNorms.
    package static let normEpsilon = 1e-6

    package init(
        width: Int, heads: Int, hidden: Int, norm1: AffineSlots, qkv: AffineSlots, proj: AffineSlots,
        norm2: AffineSlots, fc1: AffineSlots, fc2: AffineSlots
    ) {
        precondition(heads > 0 && width % heads == 0, "\(heads) heads do not divide the width \(width)")
        (self.width, self.heads, self.hidden) = (width, heads, hidden)
        (self.norm1, self.qkv, self.proj) = (norm1, qkv, proj)
        (self.norm2, self.fc1, self.fc2) = (norm2, fc1, fc2)
    }

    /// The matrices, for a back end that packs them.
    package var matrices: [ParameterSlot] { [qkv.weight, proj.weight, fc1.weight, fc2.weight] }
}
