import Analysis
import ArgumentParser
import CPUKernels
import Datasets
import Orchestration
import Safetensors
import Training

/// Features of some images by an encoder: what they are, and the way into a file.
struct EmbedWork {
    let source: EncoderSource
    let images: EmbeddedImages
    let output: EncoderOutput
    let number: FeatureNumber
    /// As the user says it.
    let layer: String
    let pool: String
    let isBF16: Bool

    struct Outcome {
        let files: [String]
        let resumed: Int
        let nonFinite: Int
    }

    /// What the file will say of its images and of where the features come from.
    func table() -> FeatureTable {
        let images = images.images
        return FeatureTable(
            rows: images.count, shape: source.weights.shape(of: output), number: number, classNames: images.classNames,
            origin: origin, label: { images.labels?[$0] ?? -1 },
            name: { images.name(of: $0) ?? "\(images.sourceIndices[$0])" })
    }

    private var origin: [(key: String, value: String)] {
        let (weights, data) = (source.weights, images.images)
        func list(_ values: [Double]) -> String { values.map { "\($0)" }.joined(separator: ",") }
        return source.origin + [
            ("weights_fingerprint", weights.fingerprint), ("width", "\(weights.width)"),
            ("depth", "\(weights.depth)"), ("heads", "\(weights.heads)"), ("patch_size", "\(weights.patchSize)"),
            ("image_size", "\(weights.imageSize)"), ("channels", "\(weights.channels)"), ("layer", layer),
            ("pool", pool), ("precision", isBF16 ? "bf16" : "float32"), ("data", images.place),
            ("split", images.split), ("data_fingerprint", data.fingerprint),
            ("normalization_mean", list(data.normalization.mean)),
            ("normalization_std", list(data.normalization.standardDeviation)),
            ("short_side", data.view.shortSide.map { "\($0)" } ?? "whole image"),
            ("interpolation", data.view.interpolation.rawValue),
            ("program", "cjepa-exp \(CJEPAExp.configuration.version)"),
        ]
    }

    /// Tells this work from any other, as far as its features go.
    private var job: UInt64 {
        var hash = XXH64()
        func add(_ text: String) {
            Array("\(text.utf8.count) \(text)\n".utf8).withUnsafeBytes { hash.append($0) }
        }
        for (key, value) in origin {
            add(key)
            add(value)
        }
        add(number.rawValue)
        add(images.images.state)
        for name in images.images.classNames ?? [] { add(name) }
        return hash.value
    }

    /// Computes what is missing and finishes the file.
    ///
    /// - Throws: `DatasetError` for an image that cannot be read, `FileWriteError`; what is done is kept.
    func run(into file: FeatureOutput, threads: Int) throws -> Outcome {
        let writer = try FeatureWriter(file, job: job)
        if let reason = writer.startedOver {
            Console.note("\(file.path): what was there of it is made anew: \(reason)")
        }
        Console.beginRated("embedding \(images.place)", of: file.table.rows)
        Console.activity.advance(by: writer.resumedRows)
        if writer.resumedRows < file.table.rows {
            let features = EncoderFeatures(
                source.weights, backend: CPUBackend(precision: isBF16 ? .bf16 : .float32), threads: threads)
            do {
                try features.stream(of: images.images, from: writer.resumedRows, output) { rows, values in
                    try writer.write(values, rows: rows)
                    Console.activity.advance(by: rows.count)
                }
            } catch {
                // A disk that is full says so once.
                try? writer.commit()
                throw error
            }
        }
        Console.begin("finishing \(file.path)")
        return Outcome(
            files: try writer.finish(), resumed: writer.resumedRows, nonFinite: writer.nonFinite)
    }
}
