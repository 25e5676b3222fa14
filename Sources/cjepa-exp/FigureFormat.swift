import Foundation
import Orchestration

/// What a figure is written as. PDF and PNG are made of the SVG by librsvg's converter, which embeds the fonts.
enum FigureFormat: String {
    case svg
    case pdf
    case png

    private static let converter = "rsvg-convert"
    /// Of PNG, per inch; what journals ask for.
    private static let resolution = 300

    /// - Throws: `UnusableInput` where the format needs a program that is not there.
    func requireConverter(for file: String) throws {
        guard self != .svg, SystemCommand.path(of: Self.converter) == nil else { return }
        throw UnusableInput(
            place: file, problem: "\(rawValue.uppercased()) needs \(Self.converter), which is not on the PATH",
            remedy: "apt-get install librsvg2-bin, or write .svg, which works without it")
    }

    /// The figure in this format.
    ///
    /// - Throws: `UnusableInput` where the converter does not do its work.
    func data(ofSVG svg: String, for file: String) async throws -> Data {
        guard self != .svg else { return Data(svg.utf8) }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("cjepa-figure-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (source, target) = (folder.path + "/figure.svg", folder.path + "/figure.\(rawValue)")
        try Data(svg.utf8).write(to: URL(fileURLWithPath: source))
        var options = ["--format", rawValue, "--output", target]
        if self == .png {
            let resolution = "\(Self.resolution)"
            options += ["--dpi-x", resolution, "--dpi-y", resolution, "--background-color", "white"]
        }
        let result = try await SystemCommand.run(Self.converter, options + [source])
        guard result.isSuccess, let data = FileManager.default.contents(atPath: target), !data.isEmpty else {
            throw UnusableInput(
                place: file, problem: "\(Self.converter) failed: \(result.error.isEmpty ? "no output" : result.error)",
                remedy: "write .svg, which works without it")
        }
        return data
    }
}
