import Declarations
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
        if table.hasPrefix("linear_heads/") { return linearHeads[column] }
        if let entry = evaluation[column] { return entry }
        if let entry = predictor[column], column != "loss" { return entry }
        if let measure = featureMeasures[column] {
            return MetricConvention(measure.unit, "\(measure.text); \(features)")
        }
        if column.hasPrefix("knn_"), let neighbours = Int(column.dropFirst("knn_".count)) {
            return MetricConvention(
                "fraction",
                "top-1 of \(neighbours) nearest training features as in DINO: L2-normalised, cosine, votes weighted by "
                    + "exp(cosine / evaluation.knn.temperature); " + features)
        }
        return nil
    }

    /// Names of the columns of a table ("steps", "evaluation/target") that have a convention, but those of kNN.
    package static func columns(of table: String) -> [String] {
        if table == "steps" { return (Array(steps.keys) + terms.keys).sorted() }
        if table.hasPrefix("linear_heads/") { return linearHeads.keys.sorted() }
        return (Array(evaluation.keys) + featureMeasures.keys + ["predictor_r2", "predictor_r2_position"]).sorted()
    }

    init(_ unit: String, _ text: String) {
        self.unit = unit
        self.text = text
    }

    private static let features = "features are the last layer's mean over patches, no class token"
    private static let heads = """
        top-1 on the test split of a linear layer trained by SGD with Nesterov momentum 0.9 over a grid of learning \
        rates and weight decays, chosen on held-out training features; features are means over patches
        """
    private static let steps: [String: MetricConvention] = [
        "step": .init("step", "optimiser steps done, this one included"),
        "epoch": .init("epoch", "whole passes over the training images before this step"),
        "loss": .init(
            "1", "prediction_loss and the losses of the regularisers times their weights at this step, before it"),
        "learning_rate": .init("1", "used by this step"),
        "weight_decay": .init("1", "used by this step; not applied to biases and one-dimensional parameters"),
        "momentum": .init("1", "share of the old target encoder kept after this step"),
        "gradient_norm": .init("1", "L2 norm over all trained parameters, before clipping"),
        "gradient_norm_encoder": .init("1", "L2 norm over the context encoder's parameters, before clipping"),
        "gradient_norm_predictor": .init("1", "L2 norm over the predictor's parameters, before clipping"),
        "images_per_second": .init("1/s", "batch size divided by step_seconds"),
        "step_seconds": .init("s", "wall time of the step, waiting for images included"),
        "loader_wait_seconds": .init("s", "part of step_seconds spent waiting for images"),
        "context_patches": .init("patch", "patches that the context encoder saw of each image"),
        "target_patches": .init("patch", "patches of one target block"),
        "load_seconds": phase("waiting for images, drawing masks, bringing both to the shards"),
        "target_forward_seconds": phase("target encoder"),
        "context_forward_seconds": phase("context encoder, forward"),
        "predictor_forward_seconds": phase("predictor, forward"),
        "loss_seconds": phase("prediction loss and regulariser"),
        "predictor_backward_seconds": phase("predictor, backward"),
        "encoder_backward_seconds": phase("encoder, backward"),
        "update_seconds": phase("sum and norm of the gradients, AdamW, moving average"),
    ]

    /// The numbers of the objective's terms, and the prediction loss.
    private static var terms: [String: MetricConvention] {
        let losses = Catalogue.current.predictionLosses.options.map { $0.summary }.joined(separator: ", ")
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

    private static func phase(_ text: String) -> MetricConvention {
        MetricConvention(
            "s", text + "; part of step_seconds on the critical path: of each pass the thread that was busy longest")
    }

    private static let evaluation: [String: MetricConvention] = [
        "step": .init("step", "optimiser steps done; 0 is the initialisation"),
        "linear": .init("fraction", heads + "; the best head on held-out features"),
        "linear_last1": .init("fraction", heads + " of the last layer"),
        "linear_last1_bn": .init("fraction", heads + " of the last layer, BatchNorm without affine before the head"),
        "linear_last4": .init("fraction", heads + " of the last four layers, concatenated"),
        "linear_last4_bn": .init(
            "fraction", heads + " of the last four layers, concatenated, BatchNorm without affine before the head"),
    ]

    private static let linearHeads: [String: MetricConvention] = [
        "step": .init("step", "of the evaluation"),
        "layers": .init("1", "1: the last layer; 4: the last four layers, concatenated"),
        "batch_norm": .init("1", "1: BatchNorm without affine before the head"),
        "learning_rate": .init("1", "at the start; falls to zero by a cosine"),
        "weight_decay": .init("1", "on the head's weights, not its biases"),
        "held_out_accuracy": .init("fraction", "top-1 on held-out training images; chooses the head"),
        "test_accuracy": .init("fraction", "top-1 on the test images"),
    ]
}
