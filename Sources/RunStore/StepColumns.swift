import Declarations

/// What training stores of every step, besides the numbers of the objective's terms.
enum StepColumns {
    static let all: [DeclaredColumn] = [
        DeclaredColumn("step", unit: "step", "optimiser steps done, this one included"),
        DeclaredColumn("epoch", unit: "epoch", "whole passes over the training images before this step"),
        DeclaredColumn(
            "loss", "prediction_loss and the losses of the regularisers times their weights at this step, before it"),
        DeclaredColumn("learning_rate", "used by this step"),
        DeclaredColumn("weight_decay", "used by this step; not applied to biases and one-dimensional parameters"),
        DeclaredColumn("momentum", "share of the old target encoder kept after this step"),
        DeclaredColumn("gradient_norm", "L2 norm over all trained parameters, before clipping"),
        DeclaredColumn("gradient_norm_encoder", "L2 norm over the context encoder's parameters, before clipping"),
        DeclaredColumn("gradient_norm_predictor", "L2 norm over the predictor's parameters, before clipping"),
        DeclaredColumn("images_per_second", unit: "1/s", "batch size divided by step_seconds"),
        DeclaredColumn("step_seconds", unit: "s", "wall time of the step, waiting for images included"),
        DeclaredColumn("loader_wait_seconds", unit: "s", "part of step_seconds spent waiting for images"),
        DeclaredColumn("context_patches", unit: "patch", "patches that the context encoder saw of each image"),
        DeclaredColumn("target_patches", unit: "patch", "patches of one target block"),
        phase("load_seconds", "waiting for images, drawing masks, bringing both to the shards"),
        phase("target_forward_seconds", "target encoder"),
        phase("context_forward_seconds", "context encoder, forward"),
        phase("predictor_forward_seconds", "predictor, forward"),
        phase("loss_seconds", "prediction loss and regulariser"),
        phase("predictor_backward_seconds", "predictor, backward"),
        phase("encoder_backward_seconds", "encoder, backward"),
        phase("update_seconds", "sum and norm of the gradients, AdamW, moving average"),
    ]

    private static func phase(_ name: String, _ text: String) -> DeclaredColumn {
        DeclaredColumn(
            name, unit: "s",
            text + "; part of step_seconds on the critical path: of each pass the thread that was busy longest")
    }
}
