import Evaluation
import Objectives

extension SpecKey {
    /// The error for a path that is no key, with the key that was probably meant.
    ///
    /// - Parameter alsoKnown: Names beside the keys that may stand where the path does.
    static func unknown(
        _ path: String, at location: SpecLocation, alsoKnown: [String] = []
    ) -> SpecError {
        let nearest = suggestion(for: path, alsoKnown: alsoKnown)
        var remedy: String?
        if let nearest {
            // A synonym may mean something a little different, such as steps where the key is a share of them.
            remedy = byPath[nearest].map { "\(nearest): \($0.documentation)" }
        } else {
            let group = knownGroup(ofPath: path)
            remedy = "known here: \((children(of: group) + (group.isEmpty ? alsoKnown : [])).joined(separator: ", "))"
        }
        return SpecError(location, keyPath: path, "unknown key", nearest: nearest, remedy: remedy)
    }

    /// The key or group that a path without a key probably means.
    ///
    /// That is what another word of the field stands for; else a key of the same name in another group; else the nearest
    /// name in the same group; else the nearest path of all.
    static func suggestion(for path: String, alsoKnown: [String] = []) -> String? {
        let parts = parts(path)
        if let meant = meaning(of: parts[...], in: "") { return meant }
        let group = knownGroup(of: parts)
        let depth = group.isEmpty ? 0 : self.parts(group).count
        let siblings = children(of: group) + (group.isEmpty ? alsoKnown : [])
        if let sibling = nearestName(to: parts[depth], among: siblings) {
            let corrected = joined(group, sibling)
            let rest = parts[(depth + 1)...]
            if rest.isEmpty { return corrected }
            return meaning(of: rest, in: corrected) ?? corrected
        }
        if let meant = meaning(of: parts.suffix(1), in: "") { return meant }
        // Groups that are right bring a wrong name no nearer to a key.
        let name = parts[depth...].joined(separator: ".")
        return nearestName(to: path, among: all.map(\.path)).flatMap { nearest in
            editDistance(path, nearest) * 2 <= max(name.count, 2) ? nearest : nil
        }
    }

    /// What names mean within a group. Each is a name of the group, or a synonym or name of something in it or, at last,
    /// elsewhere.
    private static func meaning(of names: ArraySlice<String>, in group: String) -> String? {
        guard let name = names.first.map(plain) else { return group }
        let rest = names.dropFirst()
        var candidates = children(of: group).filter { plain($0) == name }.map { joined(group, $0) }
        if let synonym = synonyms[name] {
            // In a group that has a key of its own for it, as `evaluation.linear` has an `lr`, that one.
            let last = parts(synonym).last ?? synonym
            if children(of: group).contains(last) { candidates.append(joined(group, last)) }
            candidates.append(synonym)
        }
        let namesakes = (all.map(\.path) + groups.sorted()).filter { plain(parts($0).last ?? "") == name }
        candidates += namesakes.filter { $0.hasPrefix(group + ".") } + namesakes
        for candidate in candidates {
            if groups.contains(candidate) {
                if let found = meaning(of: rest, in: candidate) { return found }
            } else if rest.isEmpty, byPath[candidate] != nil || SpecDocument.ownKeys.contains(candidate) {
                return candidate
            }
        }
        return nil
    }

    /// The longest part of a path, but for its last name, that is a group; "" where the first name is none.
    static func knownGroup(ofPath path: String) -> String { knownGroup(of: parts(path)) }

    private static func knownGroup(of parts: [String]) -> String {
        (0..<parts.count).reversed().map { parts.prefix($0).joined(separator: ".") }.first(where: groups.contains) ?? ""
    }

    private static func parts(_ path: String) -> [String] {
        path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    }

    private static func joined(_ group: String, _ name: String) -> String { group.isEmpty ? name : "\(group).\(name)" }

    /// A name without what differs between styles: "batchSize", "batch-size" and "batch_size" are one.
    private static func plain(_ name: String) -> String {
        name.lowercased().filter { $0 != "_" && $0 != "-" }
    }

    // MARK: Synonyms

    /// What is declared beside the keys, and what is listed here.
    private static var synonyms: [String: String] {
        var declared = all.filter { !$0.synonyms.isEmpty }.map { ($0.path, $0.synonyms) }
        declared += Catalogue.current.evaluationTasks.map { ($0.declaration.group, $0.declaration.synonyms) }
        // Words for any regulariser mean the first one.
        if let group = Catalogue.current.regularizers.first?.declaration.group {
            declared += [
                (group, "regulariser regularizer"), ("\(group).projector", "projector projection_head expander"),
                ("\(group).projector.widths", "projector_dims mlp_dims"),
            ]
        }
        return Dictionary(
            (wordsOfTheField.map { ($0.key, $0.value) } + declared).flatMap { path, words in
                words.split(separator: " ").map { (plain(String($0)), path) }
            }
        ) { first, _ in first }
    }

    /// What papers, PyTorch, timm and the public I-JEPA and VICReg codes call a key or a group. A word that means another
    /// key within a group of its own (`heads` of the predictor) stands here once: names of the group go first.
    static let wordsOfTheField: KeyValuePairs<String, String> = [
        "seeds": "seed n_seeds num_seeds random_seed",
        "question": "title description",
        "expected": "hypothesis expectation",
        "inherit": "extends base defaults parent include",
        "matrix": "sweep grid ablation",
        "baseline": "reference control",

        "data": "dataloader input",
        "data.dataset": "dataset_name data_name",
        "data.train_subset": "subset limit n_train max_images",
        "data.expected_train_images": "dataset_size num_train n_images",
        "data.expected_test_images": "num_test num_val",
        "data.crop_scale": "random_resized_crop rrc_scale",
        "data.crop_aspect": "crop_ratio rrc_ratio",

        "model": "encoder vit backbone network architecture",
        "model.preset": "arch model_name variant",
        "model.width": "dim embed_dim embedding_dim hidden hidden_size hidden_dim d_model dimension",
        "model.depth": "layers num_layers n_layers num_hidden_layers",
        "model.heads": "num_heads n_heads num_attention_heads",
        "model.mlp_ratio": "mlp_expansion",
        "model.image_size": "img_size crop_size resolution input_size",
        "model.patch_size": "patch",
        "model.channels": "in_chans in_channels num_channels",
        "model.init": "initialisation initialization weight_init",
        "model.predictor": "predictor pred",

        "masks": "mask masking",
        "masks.sampler": "mask_sampler masking_strategy",

        "objective": "loss criterion",
        "objective.prediction": "loss_type loss_fn prediction_loss",

        "target_encoder": "teacher",
        "target_encoder.kind": "stop_gradient stop_grad target_kind",

        "optimizer": "optimiser optimization optim adamw adam",
        "optimizer.betas": "beta1 beta2 adam_betas",
        "optimizer.epsilon": "eps adam_eps",
        "optimizer.weight_decay": "wd final_weight_decay final_wd decay",
        "optimizer.weight_decay_schedule": "wd_schedule",
        "optimizer.clip_norm": "clip clip_grad grad_clip gradient_clip max_grad_norm gradient_clip_val",

        "schedule": "scheduler lr_schedule sched",
        "schedule.start_lr": "start_learning_rate warmup_lr initial_lr init_lr",
        "schedule.lr": "learning_rate base_lr base_learning_rate peak_lr max_lr blr",
        "schedule.final_lr": "final_learning_rate min_lr end_lr eta_min",
        "schedule.warmup": "warmup_steps warmup_epochs warmup_ratio num_warmup_steps",
        "schedule.stretch": "ipe_scale",

        "training": "train trainer",
        "training.batch_size": "bs batch batch_size_per_gpu",
        "training.epochs": "epoch n_epochs num_epochs max_epochs",
        "training.steps": "iterations iters num_steps n_steps max_steps num_iterations",
        "training.precision": "dtype amp use_bfloat16 bf16 fp16 mixed_precision",

        "evaluation": "eval probe",
        "evaluation.every_steps": "eval_every eval_interval eval_freq",

        "diagnostics": "logging",
        "resources.threads": "num_threads n_threads cpus",
        "resources.loader_threads": "num_workers dataloader_workers",
        "resources.accumulate": "accum accum_iter grad_accum accumulate_grad_batches gradient_accumulation_steps",
        "resources.recompute": "gradient_checkpointing activation_checkpointing grad_checkpointing",
        "resources.ranks": "gpus nproc world_size devices num_gpus",
        "resources.checkpoint_steps": "save_every checkpoint_freq save_freq checkpoint_every",
        "resources.memory_gib": "memory ram mem max_memory",
        "resources.tensorboard": "tb tensorboard_dir summary_writer",
        "resources.json_lines": "jsonl wandb mlflow report_to",
        "resources.retries": "max_retries",
    ]
}
