import Foundation
import FoundationXML
import Testing

/// `figure` on results of a real run: two axes, two seeds.
@Suite(.figureRun) struct FigureCommandTests {
    private static let converter = ["/usr/bin", "/usr/local/bin"].map { $0 + "/rsvg-convert" }
        .first(where: FileManager.default.isExecutableFile)
    private static let fontLister = ["/usr/bin", "/usr/local/bin"].map { $0 + "/pdffonts" }
        .first(where: FileManager.default.isExecutableFile)

    private static let kinds = ["forest", "bars", "curves", "spectra", "collapse", "effects"]

    @Test(arguments: kinds)
    func `Every kind becomes an SVG file that is valid XML`(kind: String) throws {
        let folder = try TemporaryFolder()
        for width in ["one", "two"] {
            let file = folder.path + "/\(width).svg"
            let program = try Program.run(
                ["figure", "grid", "--results", FigureRun.results, "--kind", kind, "--width", width, "--output", file])
            #expect(program.status == 0, "\(program.error)")
            #expect(program.output == file + "\n")
            let text = try String(contentsOfFile: file, encoding: .utf8)
            #expect(XMLParser(data: Data(text.utf8)).parse())
            #expect(
                text.contains("width=\"\(width == "one" ? 234 : 486)pt\"")
                    && text.contains("<title id=\"title\">grid: "))
        }
    }

    @Test func `Equal results give equal files`() throws {
        let folder = try TemporaryFolder()
        let texts = try ["first.svg", "second.svg"].map { name in
            let file = folder.path + "/" + name
            let program = try Program.run(
                ["figure", "grid", "--results", FigureRun.results, "--kind", "collapse", "--output", file])
            #expect(program.status == 0, "\(program.error)")
            return try String(contentsOfFile: file, encoding: .utf8)
        }
        #expect(texts[0] == texts[1])
    }

    @Test(.enabled(if: converter != nil && fontLister != nil, "librsvg2-bin or poppler-utils is not installed"))
    func `A PDF has its fonts embedded and the width of a column`() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/forest.pdf"
        let program = try Program.run(
            ["figure", "grid", "--results", FigureRun.results, "--kind", "forest", "--output", file])
        #expect(program.status == 0, "\(program.error)")
        let fonts = try Program.run([file], executable: try #require(Self.fontLister)).output
            .split(separator: "\n").dropFirst(2)
        #expect(!fonts.isEmpty)
        // name, type (two words or more), encoding, emb, sub, uni, object ID (two numbers)
        for font in fonts { #expect(font.split(separator: " ").suffix(5).first == "yes", "\(font)") }
        let info = try Program.run([file], executable: try #require(Self.fontLister).replacing("fonts", with: "info"))
        #expect(info.output.contains(/Page size: +234 x/), "\(info.output)")
    }

    @Test(.enabled(if: converter != nil, "librsvg2-bin is not installed"))
    func `A PNG has three hundred dots per inch`() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/bars.PNG"
        let program = try Program.run(
            ["figure", "grid", "--results", FigureRun.results, "--kind", "bars", "--output", file])
        #expect(program.status == 0, "\(program.error)")
        let data = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
        #expect(data.prefix(4) == [0x89, 0x50, 0x4E, 0x47])
        #expect(data[16..<20].reduce(0) { $0 << 8 | Int($1) } == 975)
    }

    @Test func `Without the converter the error names its package, and SVG still works`() throws {
        let folder = try TemporaryFolder()
        for format in ["pdf", "png"] {
            let file = folder.path + "/x.\(format)"
            let program = try Program.run(
                ["figure", "grid", "--results", FigureRun.results, "--kind", "bars", "--output", file],
                environment: ["PATH": folder.path])
            #expect(program.status == 64)
            #expect(program.error.contains("apt-get install librsvg2-bin"), "\(program.error)")
            #expect(!FileManager.default.fileExists(atPath: file))
        }
        let svg = try Program.run(
            ["figure", "grid", "--results", FigureRun.results, "--kind", "bars", "--output", folder.path + "/x.svg"],
            environment: ["PATH": folder.path])
        #expect(svg.status == 0, "\(svg.error)")
    }

    @Test(arguments: [
        (["--kind", "bars", "--output", "x.jpg"], "--output must end in .svg, .pdf or .png"),
        (["--kind", "bars", "--output", "x"], "--output must end in .svg, .pdf or .png"),
        (["--kind", "pie"], "--kind"), ([], "--kind"), (["--kind", "bars", "--width", "three"], "--width"),
        (["--kind", "spectra", "--metric", "knn_20"], "--metric does not apply to --kind spectra"),
        (["--kind", "bars", "--metric", "knn_21"], "no run has a metric “knn_21”"),
        (["--kind", "bars", "--only", "zzz*"], "no arm matches --only zzz*"),
        (["--kind", "bars", "--tag", "paper"], "tag"),
    ])
    func `A mistake in the arguments exits with 64 and says which`(options: [String], message: String) throws {
        let folder = try TemporaryFolder()
        let program = try Program.run(
            ["figure", "grid", "--results", FigureRun.results] + options, in: folder.path)
        #expect(program.status == 64, "\(program.error)")
        #expect(program.error.contains(message), "\(program.error)")
        #expect(program.output.isEmpty)
    }

    @Test func `A metric, an encoder and some arms can be chosen`() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/x.svg"
        let program = try Program.run([
            "figure", "grid", "--results", FigureRun.results, "--kind", "curves", "--metric", "steps.loss", "--only",
            "*.ema", "--output", file,
        ])
        #expect(program.status == 0, "\(program.error)")
        let text = try String(contentsOfFile: file, encoding: .utf8)
        #expect(text.contains(">loss<") && text.contains(">ijepa.ema<") && !text.contains("shared"))
        let context = try Program.run([
            "figure", "grid", "--results", FigureRun.results, "--kind", "bars", "--metric", "context.knn_20",
            "--output",
            file,
        ])
        #expect(context.status == 0, "\(context.error)")
        #expect(try String(contentsOfFile: file, encoding: .utf8).contains("20-NN accuracy, context encoder (%)"))
    }

    @Test func `What the results do not hold is an error that names the way out`() throws {
        let folder = try TemporaryFolder()
        // One seed of each arm is left.
        try FileManager.default.copyItem(atPath: FigureRun.results + "/grid", toPath: folder.path + "/grid")
        for run in try FileManager.default.contentsOfDirectory(atPath: folder.path + "/grid") where run.contains("-s1-")
        {
            try FileManager.default.removeItem(atPath: folder.path + "/grid/" + run)
        }
        for kind in ["forest", "effects"] {
            let program = try Program.run(
                ["figure", "grid", "--results", folder.path, "--kind", kind, "--output", folder.path + "/x.svg"])
            #expect(program.status == 1)
            #expect(program.error.contains("single seed") && program.error.contains("--kind bars"), "\(program.error)")
        }
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/x.svg"))
    }
}

/// Trains a small matrix of two axes and two seeds once for a whole suite.
struct FigureRun: SuiteTrait, TestScoping {
    @TaskLocal static var results = ""

    private static let spec = """
        question: Does a figure show what was measured?
        data: {dataset: fashion_mnist_sample}
        model:
          {width: 24, depth: 1, heads: 3, image_size: 28, patch_size: 4, channels: 1, init: xavier,
           predictor: {width: 12, depth: 1, heads: 3}}
        masks: {min_keep: 4}
        training: {batch_size: 16, steps: 6}
        evaluation:
          {every_steps: 3, train_images: 200, test_images: 100, knn: {k: [20]},
           linear: {lr: [0.1], weight_decay: [0], epochs: 1}}
        diagnostics: {patch_rows: 100, lidar_objects: 10}
        seeds: 2
        matrix:
          axes:
            - name: objective
              variants:
                ijepa: {objective.vicreg.weight: 0}
                cjepa: {objective.vicreg.weight: 0.001}
            - name: target
              variants:
                ema: {target_encoder.kind: ema}
                shared: {target_encoder.kind: shared_stop_gradient}
        baseline: ijepa.ema

        """

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let folder = try TemporaryFolder()
        let spec = try folder.write(Self.spec, to: "grid.spec")
        let program = try Program.run(["run", spec, "--results", folder.path + "/results"])
        try #require(program.status == 0, "\(program.error)")
        try await Self.$results.withValue(folder.path + "/results") { try await function() }
        withExtendedLifetime(folder) {}
    }
}

extension Trait where Self == FigureRun {
    static var figureRun: FigureRun { FigureRun() }
}
