package import ExperimentSpec
package import Kernels
package import Networks
import Objectives
import TensorCore

/// The networks of one arm and the places of their parameters in one flat vector.
package struct MethodNetworks: Sendable {
    /// A network's part of the flat vector of online parameters.
    package struct Section: Sendable {
        /// "encoder", "predictor", or that of a projector; goes before parameter names.
        package let name: String
        package let layout: ParameterLayout
        package let offset: Int
        package var range: Range<Int> { offset..<(offset + layout.count) }
    }

    package let encoder: VisionTransformer
    package let predictor: any FeaturePredictor
    /// The maps in front of regularisers, by their names.
    package let projectors: [(name: String, network: Projector)]
    /// Those that have parameters.
    package let sections: [Section]
    /// The predictor's part of the flat vector; empty where it has no parameters.
    package let predictorRange: Range<Int>
    /// Elements of the flat vector of online parameters.
    package let count: Int

    package init(
        encoder: VisionTransformer, predictor: any FeaturePredictor,
        projectors: [(name: String, network: Projector)] = []
    ) {
        self.encoder = encoder
        self.predictor = predictor
        self.projectors = projectors
        var sections: [Section] = []
        var offset = 0
        let layouts =
            [("encoder", encoder.layout), ("predictor", predictor.layout)]
            + projectors.map { ($0.name, $0.network.layout) }
        for (name, layout) in layouts where layout.count > 0 {
            sections.append(Section(name: name, layout: layout, offset: offset))
            offset += layout.count
        }
        self.sections = sections
        predictorRange = sections.first { $0.name == "predictor" }?.range ?? encoder.layout.count..<encoder.layout.count
        count = offset
    }

    package init(_ configuration: RunConfiguration) {
        let (model, recomputes) = (configuration.model, configuration.resources.recompute)
        let encoder = VisionTransformer(
            .init(
                imageSize: model.imageSize, patchSize: model.patchSize, channels: model.channels, width: model.width,
                depth: model.depth, heads: model.heads, mlpRatio: model.mlpRatio), recomputes: recomputes)
        self.init(
            encoder: encoder, predictor: configuration.predictor,
            projectors: configuration.terms.compactMap { term in
                guard term.weight.weight > 0, let network = Self.projector(term.projector, model.width) else {
                    return nil
                }
                return (name: term.declaration.projectorName, network: network)
            })
    }

    private static func projector(_ configuration: ProjectorSettings, _ width: Int) -> Projector? {
        switch configuration.kind {
        case .none, .shared: nil
        case .linear: Projector(.linear(input: width, output: configuration.widths[0]))
        case .mlp:
            Projector(
                .mlp(
                    input: width, widths: configuration.widths,
                    batchNorm: configuration.batchNorm == .perView ? .perView : .joint))
        }
    }

    /// Parameters that are trained.
    package var parameterCount: Int { sections.reduce(0) { $0 + $1.layout.parameterCount } }

    /// The matrices of encoder and predictor in the flat vector, for a back end that keeps packed copies.
    package var matrices: [PackableMatrix] {
        encoder.matrices(trained: true)
            + predictor.matrices.map {
                PackableMatrix(
                    slot: ParameterSlot(offset: predictorRange.lowerBound + $0.slot.offset, shape: $0.slot.shape),
                    needsInputGradient: $0.needsInputGradient)
            }
    }

    /// The projector of that name, if this arm has it.
    package func projector(_ name: String) -> Projector? { projectors.first { $0.name == name }?.network }

    /// The section of that name, if this arm has the network.
    package func section(_ name: String) -> Section? { sections.first { $0.name == name } }

    /// Fills the flat vector of online parameters with their initial values.
    package func initialize<Backend: KernelBackend>(
        _ online: Tensor<Backend>, seed: UInt64, scheme: InitializationScheme, rescaled: Bool, on backend: Backend
    ) {
        for section in sections {
            let part = online.window(at: section.offset, Shape(section.layout.count))
            // One tensor at a time: a large network's values need not exist twice.
            for entry in section.layout.entries {
                let values = ParameterLayout.initialValues(
                    of: entry, seed: seed, scheme: scheme, rescaled: rescaled, prefix: section.name + ".")
                backend.store(values.map { Backend.Scalar($0) }, in: entry.slot(part))
            }
        }
    }
}
