import Testing

@testable import ExperimentSpec

/// Words of the field and slips of the fingers lead to the key that is meant.
@Suite struct SuggestionTests {
    @Test(arguments: [
        ("lr", "schedule.lr"), ("schedule.learning_rate", "schedule.lr"), ("learningRate", "schedule.lr"),
        ("optimizer.learning_rate", "schedule.lr"), ("optimization.lr", "schedule.lr"), ("training.lr", "schedule.lr"),
        ("wd", "optimizer.weight_decay"), ("weight_decay", "optimizer.weight_decay"),
        ("training.weight-decay", "optimizer.weight_decay"), ("ema", "target_encoder.momentum"),
        ("target_encoder.ema", "target_encoder.momentum"), ("optimizer.momentum", "target_encoder.momentum"),
        ("bs", "training.batch_size"), ("batchSize", "training.batch_size"), ("epochs", "training.epochs"),
        ("train.epochs", "training.epochs"), ("num_epochs", "training.epochs"), ("steps", "training.steps"),
        ("evaluation.linear.bs", "evaluation.linear.batch_size"),
        ("evaluation.linear.learning_rate", "evaluation.linear.lr"),
        ("probe.lr", "evaluation.linear.lr"), ("eval.knn.k", "evaluation.knn.k"), ("knn.k", "evaluation.knn.k"),
        ("model.predictor.num_heads", "model.predictor.heads"), ("predictor.depth", "model.predictor.depth"),
        ("encoder.depth", "model.depth"), ("num_heads", "model.heads"), ("model.embed_dim", "model.width"),
        ("vicreg.weight", "objective.vicreg.weight"), ("std_coeff", "objective.vicreg.variance"),
        ("mask.num_pred_masks", "masks.target_blocks"), ("schedule.ipe_scale", "schedule.stretch"),
        ("warmup_epochs", "schedule.warmup"), ("num_workers", "resources.loader_threads"),
        ("training.grad_clip", "optimizer.clip_norm"), ("seed", "seeds"), ("training.seed", "seeds"),
        ("n_seeds", "seeds"), ("train", "training"), ("modle.bs", "training.batch_size"),
        ("vicreg", "objective.vicreg"),
        ("schedule.lrr", "schedule.lr"), ("xyzzy", nil), ("model.dropout", nil), ("model.hidden", "model.width"),
        ("objective.vicreg.var", "objective.vicreg.variance"), ("vicreg.cov", "objective.vicreg.covariance"),
        ("masks.npred", "masks.target_blocks"),
    ])
    func `a path that is no key leads to the one that is meant`(path: String, expected: String?) {
        #expect(SpecKey.suggestion(for: path, alsoKnown: SpecDocument.ownKeys) == expected)
    }

    @Test func `every word leads to the key beside which it stands, and to one only`() {
        var seen: Set<String> = []
        for (path, words) in SpecKey.wordsOfTheField {
            #expect(SpecKey.byPath[path] != nil || SpecKey.groups.contains(path) || SpecDocument.ownKeys.contains(path))
            for word in words.split(separator: " ").map(String.init) {
                #expect(seen.insert(word).inserted, "\(word) stands twice")
                #expect(SpecKey.suggestion(for: word, alsoKnown: SpecDocument.ownKeys) == path, "\(word)")
                #expect(SpecKey.byPath[word] == nil && !SpecKey.groups.contains(word), "\(word) is a key")
            }
        }
    }

    @Test(
        arguments: [
            ("lr: 1e-3", [], "lr", 5), ("schedule: {learning_rate: 1e-3}", [], "schedule.learning_rate", 5),
            ("", ["lr=1e-3"], "lr", nil),
            ("matrix: {axes: [{key: learning_rate, values: [1]}]}", [], "learning_rate", 5),
            ("matrix: {include: [{arm: a, set: {schedule.learning_rate: 1}}]}", [], "schedule.learning_rate", 5),
            (
                "matrix: {axes: [{key: model.depth, values: [1, 2]}], exclude: [{learning_rate: 1}]}", [],
                "matrix.exclude.learning_rate", 5
            ),
        ] as [(String, [String], String, Int?)])
    func `synonyms are answered wherever a key may stand`(
        text: String, overrides: [String], keyPath: String, line: Int?
    ) throws {
        let found = try errors(text, overrides: overrides)
        #expect(found.count == 1, "\(found)")
        #expect(found[0].keyPath == keyPath && found[0].nearest == "schedule.lr" && found[0].line == line)
    }

    @Test func `the meaning of a suggested key is shown`() throws {
        let found = try errors("schedule: {warmup_steps: 100}")
        #expect(found[0].nearest == "schedule.warmup")
        #expect(found[0].remedy == "schedule.warmup: Length of the linear warm-up, as a share of all steps.")
    }
}
