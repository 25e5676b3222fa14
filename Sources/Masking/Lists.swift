/// The mask samplers that a spec can choose, in the order of the documentation.
package enum MaskSamplers {
    package static let standard: [any MaskSampler.Type] = [IJEPAMasks.self, UniformMasks.self]
    /// The one that a spec means which chooses none.
    package static let defaultName = UniformMasks.name
}
