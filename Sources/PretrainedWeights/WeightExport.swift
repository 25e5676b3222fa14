import Foundation
import Networks
import Safetensors

/// Writes weights that were read in the forms of other programs, and in this program's own.
package struct WeightExport: Sendable {
    package enum Form: String, Sendable, CaseIterable {
        /// A folder for transformers: config.json, model.safetensors, preprocessor_config.json, README.md.
        case huggingFace = "hf"
        /// A folder for timm, `local-dir:`: config.json, model.safetensors, README.md.
        case timm
        /// A checkpoint as the public I-JEPA code writes it.
        case ijepa
        /// An encoder's state_dict() in a file of torch.save.
        case stateDict = "state_dict"
        /// Encoders and predictor in one safetensors file, which this program reads.
        case safetensors

        /// Whether a folder is written.
        package var isFolder: Bool { self == .huggingFace || self == .timm }
        /// Whether all encoders and the predictor are written, not one encoder.
        package var holdsAll: Bool { self == .ijepa || self == .safetensors }
    }

    private let path: String
    /// The encoder of forms that hold one.
    package let encoder: PretrainedEncoder
    private let encoders: [PretrainedEncoder]
    private let predictor: PretrainedPredictor?
    private let grid: (rows: Int, columns: Int)
    package var preprocessing = Preprocessing()
    package var card: ModelCard?
    /// Steps, epochs and the like, for the public code's checkpoint.
    package var epoch = 0

    /// Checks that everything that will be written is known.
    ///
    /// - Parameters:
    ///   - role: The encoder of forms that hold one; none: the target encoder where there is one.
    ///   - grid: Patches in a column and in a row that positions are written for; none: those that it was trained on.
    /// - Throws: `WeightError`.
    package init(
        _ weights: PretrainedWeights, role: PretrainedEncoder.Role? = nil, grid: (rows: Int, columns: Int)? = nil
    ) throws {
        path = weights.path
        let encoder = try weights.encoder(role)
        self.encoder = encoder
        encoders = try weights.roles.map { try weights.encoder($0) }
        predictor = try weights.predictor()
        guard let grid = grid ?? encoder.geometry.grid else {
            throw WeightError(
                file: weights.path, message: "the size of the images is not in the file, so positions are not known",
                remedy: "say the side of the images in pixels by --image-size")
        }
        guard EncoderGeometry.isGrid(grid.rows, grid.columns) else {
            throw WeightError(
                file: weights.path, message: "a grid of \(grid.rows)×\(grid.columns) patches is none",
                remedy: "say another size of the images")
        }
        self.grid = grid
        // All forms but the plain state dictionary tell the heads.
        _ = try encoder.geometry.knownHeads(file: weights.path)
    }

    /// Height and width of the images in pixels.
    var imageSize: (height: Int, width: Int) {
        (grid.rows * encoder.geometry.patchSize, grid.columns * encoder.geometry.patchSize)
    }

    /// Writes a form. Files are replaced as a whole; a folder is made where it is missing.
    ///
    /// - Returns: The files written.
    /// - Throws: `FileWriteError`, `WeightError`; other files are untouched then.
    package func write(_ form: Form, to path: String) throws -> [String] {
        switch form {
        case .huggingFace: return try writeFolder(path, .huggingFace, with: huggingFaceConfig())
        case .timm: return try writeFolder(path, .plain, with: timmConfig())
        case .ijepa: try writeCheckpoint(path)
        case .stateDict: try writeStateDictionary(path)
        case .safetensors: try writeSafetensors(path)
        }
        return [path]
    }

    // MARK: Tensors

    /// A tensor that is to be written.
    struct Output {
        let name: String
        let shape: [Int]
        let values: @Sendable () throws -> [Float]
    }

    /// Tensors of an encoder by the names of a scheme, in the order of the layout, positions first.
    func outputs(of encoder: PretrainedEncoder, _ scheme: NameScheme) throws -> [Output] {
        let positions = try encoder.positions(rows: grid.rows, columns: grid.columns)
        var outputs = [
            Output(name: scheme.positions, shape: [1, grid.rows * grid.columns, positions.width]) { positions.values }
        ]
        for entry in encoder.layout.entries {
            let names = scheme.names(of: entry.name)
            var shape = entry.storedShape
            if names.count > 1 { shape[0] /= names.count }
            let size = shape.reduce(1, *)
            for (part, name) in names.enumerated() {
                outputs.append(
                    Output(name: name, shape: shape) {
                        let values = try encoder.tensors.values(of: entry.name)
                        return names.count == 1 ? values : Array(values[(part * size)..<((part + 1) * size)])
                    })
            }
        }
        return outputs
    }

    private func outputs(of predictor: PretrainedPredictor, prefix: String) throws -> [Output] {
        var outputs = predictor.layout.entries.map { entry in
            Output(name: prefix + entry.name, shape: entry.storedShape) {
                try predictor.tensors.values(of: entry.name)
            }
        }
        let table = try predictor.positions(of: encoder.geometry.grid, rows: grid.rows, columns: grid.columns)
        outputs.append(
            Output(
                name: prefix + PretrainedPredictor.positionsName,
                shape: [1, grid.rows * grid.columns, predictor.width]
            ) { table.values })
        return outputs
    }

    private func sources(_ outputs: [Output]) -> [String: SafetensorsSource] {
        outputs.reduce(into: [:]) { sources, output in
            sources[output.name] = SafetensorsSource(.float32, shape: output.shape) { take in
                try output.values().withUnsafeBytes(take)
            }
        }
    }

    // MARK: Forms

    private func writeFolder(_ path: String, _ style: NameScheme.Style, with config: Data) throws -> [String] {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw WeightError(
                file: path, message: "the folder cannot be made (\(error.localizedDescription))",
                remedy: "choose another folder, or make the one above it writable")
        }
        func place(_ name: String) -> String { (path as NSString).appendingPathComponent(name) }
        // The weights first: a folder with a config.json is one that was finished.
        try SafetensorsFile.write(
            metadata: ["format": "pt"], tensors: sources(outputs(of: encoder, NameScheme(style: style, prefix: ""))),
            to: place("model.safetensors"))
        var files = [place("model.safetensors")]
        var texts = [("config.json", config)]
        if style == .huggingFace { texts.insert(("preprocessor_config.json", try preprocessorConfig()), at: 0) }
        if let card { texts.insert(("README.md", Data(card.text(of: self).utf8)), at: 0) }
        for (name, text) in texts {
            try AtomicFile.write(text, to: place(name))
            files.append(place(name))
        }
        return files.sorted()
    }

    private func writeSafetensors(_ path: String) throws {
        var outputs: [Output] = []
        for encoder in encoders {
            outputs += try self.outputs(of: encoder, NameScheme(style: .plain, prefix: Self.prefix(encoder)))
        }
        if let predictor { outputs += try self.outputs(of: predictor, prefix: "predictor.") }
        let heads = try encoder.geometry.knownHeads(file: self.path)
        try SafetensorsFile.writeSealed(
            metadata: [
                "format": PretrainedWeights.ownFormat, "format_version": "1", "heads": "\(heads)",
                "rows": "\(grid.rows)", "columns": "\(grid.columns)", "layer_norm_eps": "1e-06",
            ], tensors: sources(outputs), to: path)
    }

    private static func prefix(_ encoder: PretrainedEncoder) -> String {
        encoder.role == .context ? "encoder." : "target_encoder."
    }

    private func writeStateDictionary(_ path: String) throws {
        var storages: [() throws -> [Float]] = []
        let state = Self.dictionary(try outputs(of: encoder, NameScheme(style: .plain, prefix: "")), &storages)
        try TorchFileWriter.write(pickle: PickleWriter.pickle(state), storages: storages, to: path)
    }

    /// As `save_checkpoint` in src/train.py of the public code writes it; readers find the encoders by the prefix that
    /// DistributedDataParallel puts before their names.
    private func writeCheckpoint(_ path: String) throws {
        var storages: [() throws -> [Float]] = []
        let prefix = "module."
        func state(_ encoder: PretrainedEncoder) throws -> PickleWriter.Value {
            Self.dictionary(try outputs(of: encoder, NameScheme(style: .plain, prefix: prefix)), &storages)
        }
        // Both are there for those who load both; a single one stands for both.
        let context = encoders.first { $0.role == .context } ?? encoder
        let target = encoders.first { $0.role == .target } ?? context
        var entries: [(String, PickleWriter.Value)] = [("encoder", try state(context))]
        if let predictor {
            entries.append(("predictor", Self.dictionary(try outputs(of: predictor, prefix: prefix), &storages)))
        }
        entries += [
            ("target_encoder", try state(target)), ("opt", .none), ("scaler", .none), ("epoch", .integer(epoch)),
            ("loss", .number(0)), ("batch_size", .integer(0)), ("world_size", .integer(1)), ("lr", .number(0)),
        ]
        try TorchFileWriter.write(pickle: PickleWriter.pickle(.dictionary(entries)), storages: storages, to: path)
    }

    private static func dictionary(
        _ outputs: [Output], _ storages: inout [() throws -> [Float]]
    ) -> PickleWriter.Value {
        var entries: [(String, PickleWriter.Value)] = []
        for output in outputs {
            entries.append((output.name, .tensor(storage: storages.count, shape: output.shape)))
            storages.append(output.values)
        }
        return .ordered(entries)
    }
}
