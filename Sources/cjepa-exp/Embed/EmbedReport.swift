import ExperimentSpec
import Orchestration

/// What `embed` says at the end.
struct EmbedReport: Encodable {
    let files: [String]
    let format: String
    let dtype: String
    /// [images, D], or [images, patches, D].
    let shape: [Int]
    let images: Int
    let bytes: Int
    /// Where the features come from, as the file has it.
    let origin: [String: String]
    /// Images whose features an interrupted call had written.
    let resumedImages: Int
    /// Numbers that are not finite, or were too large for the type.
    let nonFinite: Int
    let threads: Int
    let seconds: Double
    /// Of those that this call computed.
    let imagesPerSecond: Double

    var text: String {
        let extents = shape.map(String.init).joined(separator: "×")
        var lines = files
        lines.append(
            "    \(dtype) \(extents), \(Quantity.bytes(bytes)), \(Quantity.significant(imagesPerSecond)) images/s")
        if resumedImages > 0 { lines.append("    \(counted(resumedImages, "image")) had been done before") }
        return lines.joined(separator: "\n")
    }
}
