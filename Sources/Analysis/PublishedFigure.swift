import Foundation

/// A figure of the papers, from Resources/published-figures.json: for orientation, not for comparison, as data, size and
/// length of training are others.
package struct PublishedFigure: Hashable, Encodable, Sendable {
    package let source: String
    package let caveat: String
    /// Number of the table in the paper.
    package let paperTable: Int
    package let pretraining: String
    package let model: String
    package let epochs: Int?
    package let metric: String
    /// In percent: I-JEPA, C-JEPA, and with variance and covariance but without invariance.
    package let ijepa: Double
    package let cjepa: Double
    package let varcov: Double?

    /// Everything in the file; a test reads it, so that it cannot be broken unseen.
    package static let all: [PublishedFigure] = {
        guard let file = try? JSONDecoder().decode(File.self, from: Data(PackageResources.published_figures_json))
        else { return [] }
        return file.figures.map {
            PublishedFigure(
                source: file.source, caveat: file.caveat, paperTable: $0.table, pretraining: file.pretraining,
                model: $0.model, epochs: $0.epochs, metric: $0.metric, ijepa: $0.ijepa, cjepa: $0.cjepa,
                varcov: $0.varcov)
        }
    }()

    private struct File: Decodable {
        struct Figure: Decodable {
            let model: String
            let epochs: Int?
            let metric: String
            let ijepa: Double
            let cjepa: Double
            let varcov: Double?
            let table: Int
        }

        let caveat: String
        let figures: [Figure]
        let pretraining: String
        let source: String
    }
}
