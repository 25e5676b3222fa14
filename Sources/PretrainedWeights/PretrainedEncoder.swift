package import Networks

/// An encoder in a file of weights: its sizes, and its parameters when they are asked for.
package struct PretrainedEncoder: Sendable {
    /// Which of a file's encoders.
    package enum Role: String, Sendable, CaseIterable {
        /// The one that is trained.
        case context = "encoder"
        /// Its moving average, which the papers evaluate.
        case target = "target_encoder"
        /// The file has one, and does not say.
        case only = "the only encoder"
    }

    package let file: String
    package let role: Role
    package internal(set) var geometry: EncoderGeometry
    /// What is worth knowing before its features are used: another epsilon, heads that were assumed.
    package internal(set) var remarks: [String]
    let tensors: NetworkTensors
    let storedPositions: StoredTensor?

    /// The network's layout, which no image size changes.
    package var layout: ParameterLayout { geometry.layout }
    /// Parameters, without positions.
    package var parameterCount: Int { layout.parameterCount }

    /// Reads all parameters, in the order of `VisionTransformer.layout`.
    ///
    /// - Throws: `WeightError`, for a storage whose checksum is wrong.
    package func values() throws -> PretrainedValues { try tensors.values(layout) }

    /// The values of one parameter by its name in `layout`, row-major.
    ///
    /// - Throws: As `values`.
    package func values(of name: String) throws -> [Float] { try tensors.values(of: name) }

    /// Positions for a grid of patches: those of the file for its own grid, else as `PositionGrid.fitted`; computed where
    /// the file has none.
    ///
    /// - Throws: `WeightError` where the file has positions of a grid that is not known, or the storage is damaged.
    package func positions(rows: Int, columns: Int) throws -> PositionGrid {
        guard EncoderGeometry.isGrid(rows, columns) else {
            throw WeightError(
                file: file, message: "\(rows)×\(columns) patches are no grid that is read here",
                remedy: "say another size of the images")
        }
        if let stored = try positions() { return stored.fitted(rows: rows, columns: columns) }
        guard geometry.width.isMultiple(of: 4) else {
            throw WeightError(
                file: file,
                message: "has no positions, and the sine-cosine table has none for the width \(geometry.width)",
                remedy: "give weights with positions")
        }
        return .sineCosine(rows: rows, columns: columns, width: geometry.width)
    }

    /// The positions that the file has.
    ///
    /// - Throws: `WeightError` where their grid is not known.
    package func positions() throws -> PositionGrid? {
        guard let storedPositions else { return nil }
        let count = storedPositions.count / geometry.width
        guard let rows = geometry.rows, let columns = geometry.columns, multiplied(rows, columns) == count else {
            throw WeightError(
                file: file, tensor: "positions",
                message: geometry.rows.map {
                    "there are \(count) positions, but images of \($0)×\(geometry.columns ?? 0) patches are meant"
                } ?? "\(count) positions make no square grid",
                remedy: "say the grid that it was trained on")
        }
        return PositionGrid(
            rows: rows, columns: columns, width: geometry.width,
            values: try WeightError.naming(file, "positions") { try storedPositions.floats() })
    }
}
