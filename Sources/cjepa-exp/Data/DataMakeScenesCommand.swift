import ArgumentParser
import Foundation
import Orchestration
import Pictures
import RunStore
import Scenes

/// `cjepa-exp data make scenes`: ImageNet, CLEVR, ADE20K, DAVIS and COCO in miniature.
struct DataMakeScenesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scenes", abstract: "Paint ImageNet, CLEVR, ADE20K, DAVIS and COCO in miniature.",
        discussion: """
            Pictures are composed of Fashion-MNIST's images and written in the formats of the public data sets, for their \
            readers. Equal options give equal files, byte for byte. What was interrupted goes on when the same command is \
            run again. Only files that the program made are ever removed or replaced.
            """)

    @Option(
        name: .shortAndLong, help: ArgumentHelp("The folder to write.", valueName: "folder"), completion: .directory)
    var output: String

    @Option(help: "Seed of the pictures.")
    var seed: UInt64 = 0

    @Option(help: "Training images of each kind; a fifth as many to evaluate on.")
    var images = 1000

    @Option(help: ArgumentHelp("Short side of the pictures.", valueName: "pixels"))
    var size = 64

    @Option(
        help: ArgumentHelp(
            "Which data sets, separated by commas: \(SceneFolderKind.allCases.map(\.rawValue).joined(separator: ", ")). "
                + "(default: all)", valueName: "kind,…"))
    var kinds: String?

    @Option(help: "Colours of all but CLEVR: \(colourNames). (default: muted)")
    var colours: String?

    @Option(
        help: """
            What the pictures are composed of: fashion_mnist (Debian's package) or sample (part of the repository). \
            (default: the package where it is installed)
            """)
    var sprites: String?

    @Flag(help: "Replace what an earlier call of this command has made there.")
    var force = false

    @Option(help: ArgumentHelp("Threads. (default: one per core)", valueName: "n"))
    var threads: Int?

    @Flag(help: "Print JSON.")
    var json = false

    /// It was asked to stop, and can go on (EX_TEMPFAIL).
    private static let stopped: Int32 = 75
    private static let colourNames = ["grey", "muted", "vivid"].joined(separator: ", ")

    func validate() throws {
        try OptionBounds.check(images, "--images", in: SceneFolderPlan.counts)
        try OptionBounds.check(size, "--size", in: SceneFolderPlan.sizes)
        try OptionBounds.check(threads, "--threads", in: OptionBounds.parallelism)
        _ = try chosenKinds()
        _ = try chosenColours()
        _ = try origin()
    }

    private func chosenKinds() throws -> [SceneFolderKind] {
        guard let kinds else { return SceneFolderKind.allCases }
        return try kinds.split(separator: ",", omittingEmptySubsequences: false).map { name in
            guard let kind = SceneFolderKind(rawValue: name.trimmingCharacters(in: .whitespaces)) else {
                throw ValidationError(
                    "--kinds takes \(SceneFolderKind.allCases.map(\.rawValue).joined(separator: ", ")), not “\(name)”.")
            }
            return kind
        }
    }

    private func chosenColours() throws -> SceneStyle.Colours {
        guard let colours else { return .muted }
        guard let chosen = SceneStyle.Colours(rawValue: colours), chosen != .named else {
            throw ValidationError("--colours takes \(Self.colourNames), not “\(colours)”.")
        }
        return chosen
    }

    private func origin() throws -> SpriteSplits.Origin? {
        guard let sprites else { return nil }
        guard let origin = SpriteSplits.Origin(rawValue: sprites) else {
            throw ValidationError("--sprites takes fashion_mnist or sample, not “\(sprites)”.")
        }
        return origin
    }

    private struct Report: Encodable {
        let folder: String
        let kinds: [String: String]
        let sprites: String
        let files: Int
        let seconds: Double
    }

    func run() throws {
        let origin = try origin() ?? SpriteSplits.Origin.available
        Console.begin("reading the sprites")
        let sprites = try SpriteSplits(origin)
        let plan = SceneFolderPlan(
            seed: seed, images: images, size: size, kinds: try chosenKinds(), colours: try chosenColours(),
            origin: origin, sprites: sprites)
        let folder = SceneFolder(output, plan: plan, sprites: sprites)
        let goesOn = try prepare(folder, sprites)
        let predicted = try folder.predictedSize()
        if !goesOn { try checkSpace(predicted.bytes) }
        Console.note(
            "\(goesOn ? "going on with" : "writing") about \(Quantity.count(Double(predicted.files))) files, "
                + "\(Quantity.bytes(predicted.bytes)), composed of "
                + (origin == .sample ? "the sample of Fashion-MNIST" : "Fashion-MNIST"))
        let start = SteadyClock.now
        Console.beginRated("painting", of: folder.itemCount)
        InterruptSignals.install()
        let isComplete = try folder.write(
            threads: threads ?? Machine.cores, shouldStop: { InterruptSignals.count > 0 },
            didMake: { Console.activity.advance(by: $0) })
        guard isComplete else {
            Console.note("stopped; the same command goes on")
            throw ExitCode(Self.stopped)
        }
        for kind in plan.kinds { try writeSheet(of: kind, folder) }
        let seconds = SteadyClock.now.timeIntervalSince(start)
        let places = plan.kinds.map { ($0.rawValue, "\(output)/\($0.folder)") }
        if json {
            let report = Report(
                folder: output, kinds: Dictionary(places) { first, _ in first }, sprites: origin.rawValue,
                files: predicted.files, seconds: seconds)
            print(String(decoding: try StoredJSON.encode(report), as: UTF8.self))
        } else {
            print(places.map { "\($0): \($1)" }.joined(separator: "\n"))
        }
    }

    /// Makes the folder free to be written, as far as that is allowed.
    ///
    /// - Returns: Whether some of it may be there already.
    private func prepare(_ folder: SceneFolder, _ sprites: SpriteSplits) throws -> Bool {
        switch SceneManifest.look(at: output) {
        case .empty: return false
        case .other(let hasManifest):
            throw UnusableInput(
                place: output,
                problem: hasManifest ? "its manifest cannot be read" : "holds something that this command has not made",
                remedy: "give a folder that is new or empty")
        case .ours(let manifest):
            if manifest.plan == folder.plan, !manifest.isComplete, !force { return true }
            guard force else {
                throw UnusableInput(
                    place: output,
                    problem: manifest.plan == folder.plan
                        ? "is complete" : "was \(manifest.isComplete ? "made" : "begun") with other options",
                    remedy: "give another folder, or --force to make it again")
            }
            Console.begin("removing what was made there")
            try SceneFolder(output, plan: manifest.plan, sprites: sprites).removeFiles()
            // What others have put there stays beside the new files.
            return false
        }
    }

    private func checkSpace(_ bytes: Int) throws {
        guard let free = Machine.freeDiskBytes(at: output), bytes > free else { return }
        throw UnusableInput(
            place: output, problem: "needs \(Quantity.bytes(bytes)), but there are \(Quantity.bytes(free)) left",
            remedy: "free some space, or make fewer or smaller pictures (--images, --size)")
    }

    private func writeSheet(of kind: SceneFolderKind, _ folder: SceneFolder) throws {
        let sheet = SceneSheet(previews: try folder.previews(of: kind, count: 12))
        let path = "\(output)/\(SceneFolder.sheet(of: kind))"
        try SceneFolder.makeFolder((path as NSString).deletingLastPathComponent)
        try PNGFile.write(sheet.draw(), to: path)
    }
}
