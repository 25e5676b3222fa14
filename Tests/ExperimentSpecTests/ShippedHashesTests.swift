import ExperimentSpec
import Foundation
import TestSupport
import Testing

/// Finished runs are found by their hashes. They must outlive new versions of the program, above all new keys.
@Suite struct ShippedHashesTests {
    /// Hash by experiment, by the precision that `auto` comes to, and by arm.
    private typealias Hashes = [String: [String: [String: String]]]

    private static let file = URL(fileURLWithPath: Golden.path("spec-hashes.json"))

    private func hashesOfSpecs() throws -> Hashes {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("experiments").path
        let specs = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".spec") }
        var hashes: Hashes = [:]
        for spec in specs {
            for precision in [TrainingConfiguration.Precision.float32, .bf16] {
                let experiment = try Experiment.load(
                    path: "\(folder)/\(spec)", fileExists: { _ in true }, automaticPrecision: precision)
                for run in experiment.runs {
                    hashes[experiment.name, default: [:]][precision.rawValue, default: [:]][run.arm] =
                        run.configurationHash
                }
            }
        }
        return hashes
    }

    /// Run with RECORD_HASHES=1 to add the hashes of new specs and arms; it never changes one that is there.
    @Test func `the runs of the shipped specs keep their hashes`() throws {
        let known = try JSONDecoder().decode(Hashes.self, from: Data(contentsOf: Self.file))
        let current = try hashesOfSpecs()
        var recorded = known
        for (experiment, precisions) in current {
            for (precision, arms) in precisions {
                for (arm, hash) in arms {
                    let expected = known[experiment]?[precision]?[arm]
                    let problem =
                        expected == nil
                        ? "a new arm: RECORD_HASHES=1 adds it"
                        : "finished runs would train again: a new key needs 'isIdentityAtDefault: false' or an "
                            + "'earlierValue', and a default that is in hashes must stay"
                    #expect(hash == expected, "\(experiment)/\(arm), \(precision): \(problem)")
                    if expected == nil { recorded[experiment, default: [:]][precision, default: [:]][arm] = hash }
                }
            }
        }
        for (experiment, precisions) in known {
            for (precision, arms) in precisions {
                let gone = Set(arms.keys).subtracting(current[experiment]?[precision]?.keys.map { $0 } ?? [])
                #expect(gone.isEmpty, "\(experiment) has lost arms: \(gone.sorted())")
            }
        }
        if ProcessInfo.processInfo.environment["RECORD_HASHES"] == "1", recorded != known {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            try (encoder.encode(recorded) + Data("\n".utf8)).write(to: Self.file)
        }
    }

    /// Keys whose defaults are in the hashes of the first results. Nothing is ever added here.
    private static let firstKeys = """
        data.crop_aspect data.crop_scale data.dataset data.test_images data.test_labels data.train_images
        data.train_labels evaluation.encoders evaluation.every_steps evaluation.knn.k evaluation.knn.temperature
        evaluation.linear.batch_size evaluation.linear.epochs evaluation.linear.held_out
        evaluation.linear.intermediate evaluation.linear.lr evaluation.linear.weight_decay masks.context_aspect
        masks.context_scale masks.min_keep masks.sampler masks.target_aspect masks.target_blocks masks.target_scale
        model.channels model.depth model.heads model.image_size model.init model.mlp_ratio model.patch_size
        model.predictor.depth model.predictor.kind model.predictor.width model.rescale_init model.width
        objective.prediction objective.vicreg.covariance objective.vicreg.invariance objective.vicreg.pairs
        objective.vicreg.projector.kind objective.vicreg.projector.widths objective.vicreg.variance
        objective.vicreg.weight optimizer.betas optimizer.epsilon optimizer.weight_decay
        optimizer.weight_decay_schedule resources.shards schedule.final_lr schedule.lr schedule.start_lr
        schedule.stretch schedule.warmup target_encoder.kind target_encoder.momentum
        target_encoder.momentum_schedule training.batch_size
        """

    @Test func `a key at its earliest value is in a hash only where the first results had it`() throws {
        let json = Data(RunConfiguration.ofEarlierVersions.identityJSON().utf8)
        let object = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
        let hashed = Set(SpecKey.all.map(\.path).filter { object.value(at: $0) != nil })
        let first = Set(Self.firstKeys.split(whereSeparator: \.isWhitespace).map(String.init))
        #expect(hashed.subtracting(first).isEmpty, "give these keys 'isIdentityAtDefault: false' or an 'earlierValue'")
        #expect(first.subtracting(hashed).isEmpty, "runs would lose their hashes")
    }

    /// Hashes leave it out at its default, so another default would give its runs the hashes of today's.
    @Test func `the default precision stays`() {
        #expect(RunConfiguration().training.precision == .float32)
    }
}

extension [String: Any] {
    /// The value at a dotted path through nested objects.
    fileprivate func value(at path: String) -> Any? {
        var node: Any? = self
        for part in path.split(separator: ".") { node = (node as? [String: Any])?[String(part)] }
        return node
    }
}
