import Declarations
import Evaluation
import ExperimentSpec
import Objectives

/// What a column's numbers mean: stored beside them, because the same name means different things in the literature.
package struct MetricConvention: Sendable, Equatable {
    /// "fraction", "s", "1" for a bare number.
    package var unit: String
    package var text: String

    /// The convention of a column of a table ("steps", "evaluation/target"); none for names that are not known.
    package static func of(table: String, column: String) -> MetricConvention? {
        if table == "steps" { return steps[column] ?? terms[column] }
        if table == StoredVerdict.table {
            return MetricConvention(
                column == "step" ? "step" : "1",
                column == "step" ? "optimiser steps done" : "1 where the finding holds at this diagnosis, else 0")
        }
        if table == "gradients" { return gradient(column) }
        if table.hasPrefix("diagnostics/") { return diagnostics(table, column) }
        if let details = details(ofTable: table) {
            if column == "step" { return MetricConvention("step", "of the evaluation") }
            return details.first { $0.name == column }.map(MetricConvention.init)
        }
        if column == "step" { return MetricConvention("step", "optimiser steps done; 0 is the initialisation") }
        if let entry = predictor[column], column != "loss" { return entry }
        if let measure = featureMeasures[column] {
            return MetricConvention(measure.unit, "\(measure.text); \(features)")
        }
        return metric(named: column).map { MetricConvention($0.column) }
    }

    /// Names of the columns of a table ("steps", "evaluation/target") that have a convention, but those of evaluation
    /// tasks, which depend on their settings.
    package static func columns(of table: String) -> [String] {
        if table == "steps" { return (Array(steps.keys) + terms.keys).sorted() }
        return (["step"] + featureMeasures.keys + ["predictor_r2", "predictor_r2_position"]).sorted()
    }

    private static let steps: [String: MetricConvention] = .init(StepColumns.all)

    init(_ column: DeclaredColumn) { self.init(column.unit, column.convention) }

    init(_ unit: String, _ text: String) {
        self.unit = unit
        self.text = text
    }

    private static let features = "features are the last layer's mean over patches, no class token"

    /// The numbers of the objective's terms, and the prediction loss.
    private static var terms: [String: MetricConvention] {
        let losses = Catalogue.current.predictionLosses.options.map { $0.title }.joined(separator: ", ")
        var terms = [
            "prediction_loss": MetricConvention(
                "1",
                "objective.prediction, one of \(losses); mean over all elements; targets are layer-normalised over features "
                    + "without parameters, eps 1e-5")
        ]
        for declaration in Catalogue.current.regularizers.map({ $0.declaration }) {
            terms[declaration.lossColumn] = MetricConvention("1", declaration.convention)
            terms[declaration.weightColumn] = MetricConvention("1", "weight of the term's loss at this step")
            for part in declaration.parts {
                terms[declaration.column(of: part)] = MetricConvention("1", part.convention)
            }
        }
        return terms
    }
}

extension [String: MetricConvention] {
    /// Columns by their names.
    init(_ columns: [DeclaredColumn]) {
        self.init(columns.map { ($0.name, MetricConvention($0)) }) { first, _ in first }
    }
}
