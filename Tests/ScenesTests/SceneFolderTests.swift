import Foundation
import ImageCodecs
import Synchronization
import Testing

@testable import Scenes

@Suite struct SceneFolderTests {
    private let root = FileManager.default.temporaryDirectory.path + "/scenes-\(UUID().uuidString)"
    private let sprites: SpriteSplits

    init() throws { sprites = try Sample.sprites() }

    private func folder(
        _ name: String, images: Int = 30, kinds: [SceneFolderKind] = SceneFolderKind.allCases
    ) -> SceneFolder {
        let plan = SceneFolderPlan(
            seed: 4, images: images, size: 48, kinds: kinds, colours: .muted, origin: .sample, sprites: sprites)
        return SceneFolder("\(root)/\(name)", plan: plan, sprites: sprites)
    }

    /// Contents of all files by their paths below a folder.
    private func files(_ name: String) throws -> [String: Data] {
        var result: [String: Data] = [:]
        let base = "\(root)/\(name)"
        for case let file as String in FileManager.default.enumerator(atPath: base) ?? .init() {
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: "\(base)/\(file)", isDirectory: &isFolder), !isFolder.boolValue {
                result[file] = try Data(contentsOf: URL(fileURLWithPath: "\(base)/\(file)"))
            }
        }
        return result
    }

    private func remove() { try? FileManager.default.removeItem(atPath: root) }

    @Test func filesAreEqualOnAnyNumberOfThreadsAndAfterInterruptions() throws {
        defer { remove() }
        #expect(try folder("one").write(threads: 1, shouldStop: { false }, didMake: { _ in }))
        #expect(try folder("five").write(threads: 5, shouldStop: { false }, didMake: { _ in }))
        let expected = try files("one")
        #expect(expected.count > 200)
        #expect(try files("five") == expected)

        // Stopped again and again, each time a little later.
        var stops = 0
        for allowed in 1...100 {
            let asked = Mutex(0)
            let isDone = try folder("stopped").write(
                threads: 2,
                shouldStop: {
                    asked.withLock {
                        $0 += 1; return $0 > allowed
                    }
                }, didMake: { _ in })
            if isDone { break }
            stops += 1
            guard case .ours(let manifest) = SceneManifest.look(at: "\(root)/stopped") else {
                Issue.record("no manifest")
                return
            }
            #expect(!manifest.isComplete)
        }
        #expect(stops > 3)
        #expect(try files("stopped") == expected)
    }

    @Test func whatIsMissingIsMadeAgain() throws {
        defer { remove() }
        let made = folder("a")
        #expect(try made.write(threads: 2, shouldStop: { false }, didMake: { _ in }))
        let expected = try files("a")
        for (place, file) in expected.keys.sorted().enumerated() where place % 7 == 0 {
            // Removed, or cut off to nothing by a power cut.
            if place % 2 == 0 {
                try FileManager.default.removeItem(atPath: "\(root)/a/\(file)")
            } else {
                try Data().write(to: URL(fileURLWithPath: "\(root)/a/\(file)"))
            }
        }
        #expect(try made.write(threads: 2, shouldStop: { false }, didMake: { _ in }))
        #expect(try files("a") == expected)
    }

    @Test func onlyOwnFilesAreRemoved() throws {
        defer { remove() }
        let made = folder("a")
        #expect(try made.write(threads: 2, shouldStop: { false }, didMake: { _ in }))
        let foreign = ["coco/train2017/mine.txt", "mine.txt", "CLEVR_v1.0/images/other/x.png"]
        for file in foreign {
            let path = "\(root)/a/\(file)"
            try FileManager.default.createDirectory(
                atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            try Data("mine".utf8).write(to: URL(fileURLWithPath: path))
        }
        try made.removeFiles()
        #expect(try files("a").keys.sorted() == foreign.sorted())
        // Without them nothing is left, not even a folder.
        for file in foreign { try FileManager.default.removeItem(atPath: "\(root)/a/\(file)") }
        #expect(try folder("b").write(threads: 2, shouldStop: { false }, didMake: { _ in }))
        try folder("b").removeFiles()
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(root)/b").isEmpty)
    }

    @Test func aFolderIsKnownByItsManifest() throws {
        defer { remove() }
        guard case .empty = SceneManifest.look(at: root) else { return #expect(Bool(false)) }
        let made = folder("a", images: 10, kinds: [.clevr])
        #expect(try made.write(threads: 1, shouldStop: { false }, didMake: { _ in }))
        guard case .ours(let manifest) = SceneManifest.look(at: "\(root)/a") else { return #expect(Bool(false)) }
        #expect(manifest.isComplete && manifest.plan == made.plan)
        for text in ["", "{}", "not JSON", String(repeating: "[", count: 100_000)] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(root)/a/\(SceneManifest.name)"))
            guard case .other(hasManifest: true) = SceneManifest.look(at: "\(root)/a") else {
                Issue.record("“\(text.prefix(20))” was taken for a manifest")
                continue
            }
        }
        // Something else of that name, and a file in place of the folder.
        guard case .other(hasManifest: false) = SceneManifest.look(at: root) else { return #expect(Bool(false)) }
        guard case .other = SceneManifest.look(at: "\(root)/a/\(SceneManifest.name)") else {
            return #expect(Bool(false))
        }
    }

    @Test func theSizeIsPredictedWithinAQuarter() throws {
        defer { remove() }
        let made = folder("a", images: 60)
        let predicted = try made.predictedSize()
        #expect(try made.write(threads: 2, shouldStop: { false }, didMake: { _ in }))
        let found = try files("a")
        let bytes = found.values.reduce(0) { $0 + ($1.count + 4095) / 4096 * 4096 }
        #expect(abs(Double(predicted.files) / Double(found.count) - 1) < 0.25, "\(predicted) for \(found.count) files")
        #expect(abs(Double(predicted.bytes) / Double(bytes) - 1) < 0.25, "\(predicted) for \(bytes) bytes")
    }

    @Test func writtenPicturesAreThePaintedOnes() throws {
        let part = folder("a").parts(of: .clevr)[0]
        var painter = ScenePainter(part.sprites)
        let item = try part.make(5, &painter)
        var buffer = PixelBuffer()
        try ImageDecoder(limits: ImageLimits()).decode(item.files[0], as: .rgb, into: &buffer)
        #expect(buffer.pixels == painter.pixels && buffer.width == 72 && buffer.height == 48)
    }

    @Test func namesOfClassesAreNamesOfFolders() {
        #expect("T-shirt/top".asFileName == "t-shirt" && "Ankle boot".asFileName == "ankle-boot")
        #expect("../x".asFileName == "--" && "".asFileName == "class" && padded(7, 3) == "007")
    }
}
