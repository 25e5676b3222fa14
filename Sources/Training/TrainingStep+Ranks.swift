import Datasets
import ExperimentSpec
import Kernels
import TensorCore

/// What several processes tell each other in a step, besides gradients.
extension TrainingStep {
    /// Completes the pooled features and the prediction losses of the whole batch with those of the other ranks, so that
    /// each evaluates the regulariser of the whole batch, with the same result.
    func exchange(_ batch: StepBatch, views: Bool, losses: Bool) {
        guard communicator.count > 1 else { return }
        if views { exchangeViews(targetCount: batch.targetCount) }
        if losses { exchangeLosses() }
    }

    private func exchangeViews(targetCount: Int) {
        let features = common.pooled.all(targetCount: targetCount)
        func rows(of rank: Int) -> [Tensor<Backend>] {
            features.flatMap { views in
                (0..<views.shape[0]).flatMap { view in
                    (0..<limits.rounds).map { round in
                        let images = limits.images(
                            ofShards: limits.shards(ofRound: round, rank: rank, of: communicator.count))
                        return views.window(
                            at: (view * views.shape[1] + images.lowerBound) * views.shape[2],
                            Shape(images.count, views.shape[2]))
                    }
                }
            }
        }
        let all = communicator.gather(rows(of: communicator.rank).flatMap { backend.values(of: $0) })
        for rank in 0..<communicator.count where rank != communicator.rank {
            var start = 0
            for part in rows(of: rank) {
                backend.store(Array(all[rank][start..<start + part.count]), in: part)
                start += part.count
            }
        }
    }

    private func exchangeLosses() {
        func shards(of rank: Int) -> [Int] {
            (0..<limits.rounds).flatMap { limits.shards(ofRound: $0, rank: rank, of: communicator.count) }
        }
        let all = communicator.gather(shards(of: communicator.rank).map { predictionLosses[$0] })
        for rank in 0..<communicator.count {
            for (shard, loss) in zip(shards(of: rank), all[rank]) { predictionLosses[shard] = loss }
        }
    }
}

extension TrainingStep {
    /// 64 bits over the online and the target encoder's weights, to tell whether two processes have the same.
    func fingerprint(of state: TrainingState<Backend>) -> UInt64 {
        guard communicator.count > 1 else { return 0 }
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for flat in [state.online, state.target] {
            for start in stride(from: 0, to: flat.count, by: 1 << 22) {
                for value in backend.values(of: flat.window(at: start, Shape(min(1 << 22, flat.count - start)))) {
                    // FNV-1a (Fowler, Noll, Vo) over whole words, with the high bits folded back.
                    hash = (hash ^ Double(value).bitPattern) &* 0x0000_0100_0000_01B3
                    hash ^= hash >> 32
                }
            }
        }
        return hash
    }
}

extension Communicator {
    /// Makes sure that all ranks train the same run on the same data with the same arithmetic, and that there is work for
    /// each.
    ///
    /// - Throws: `TrainingError` on every rank.
    func check(_ settings: RunSettings, _ backend: String, _ data: DatasetSplits) throws {
        guard count > 1 else { return }
        let same = [
            ("configuration", settings.configuration.configurationHash() + " \(settings.limits.rounds)"),
            ("back end", backend), ("training images", data.train.fingerprint), ("test images", data.test.fingerprint),
            ("images of probes", data.probe?.fingerprint ?? ""),
        ]
        for (what, text) in same {
            let all = gather(Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
            guard let other = all.firstIndex(where: { $0 != all[0] }) else { continue }
            throw TrainingError(
                description: "the processes of this run do not have the same \(what): rank 0 has \(all[0]), rank "
                    + "\(other) has \(all[other]). Start all of them in the same way, on machines of the same kind.")
        }
        let (rounds, limits) = (settings.limits.rounds, settings.limits)
        guard rounds * count <= limits.sums else {
            throw TrainingError(
                description: "\(counted(count, "process", "processes")) and \(counted(rounds, "round")) need "
                    + "\(StepLimits.shardsPerSum * count * rounds) shards, but resources.shards is \(limits.shards); "
                    + "set it to at least that many, or start fewer processes")
        }
    }
}
