import Foundation
import Safetensors

/// A folder of data sets that the program makes, and the manifest that says so: nothing else is ever written or removed.
package struct SceneFolder: Sendable {
    package let path: String
    package let plan: SceneFolderPlan
    private let sprites: SpriteSplits

    package init(_ path: String, plan: SceneFolderPlan, sprites: SpriteSplits) {
        self.path = path
        self.plan = plan
        self.sprites = sprites
    }

    func parts(of kind: SceneFolderKind) -> [any SceneFolderPart] {
        [true, false].map { isTraining in
            let sprites = isTraining ? sprites.train : sprites.test
            return switch kind {
            case .imagenet: ImageNetPart(plan: plan, sprites: sprites, isTraining: isTraining)
            case .clevr: CLEVRPart(plan: plan, sprites: sprites, isTraining: isTraining)
            case .ade20k: ADE20KPart(plan: plan, sprites: sprites, isTraining: isTraining)
            case .davis: DAVISPart(plan: plan, sprites: sprites, isTraining: isTraining)
            case .coco: COCOPart(plan: plan, sprites: sprites, isTraining: isTraining)
            }
        }
    }

    // MARK: How much it is

    /// Files, and bytes on disk in blocks of 4 KiB: what a few items of each part take, times how many there are.
    package func predictedSize() throws -> (files: Int, bytes: Int) {
        var (files, bytes) = (0, 0.0)
        for kind in plan.kinds {
            for part in parts(of: kind) {
                var painter = ScenePainter(part.sprites)
                let tried = min(part.count, 4)
                var (found, size) = (0, 0)
                for item in 0..<tried {
                    let made = try part.make(item * part.count / tried, &painter)
                    found += made.files.count
                    size += made.files.reduce(made.record.count) { $0 + ($1.count + 4095) / 4096 * 4096 }
                }
                let share = Double(part.count) / Double(tried)
                files += Int((Double(found) * share).rounded())
                bytes += Double(size) * share
            }
        }
        return (files, Int(bytes))
    }

    /// Pictures, or sequences of them, of all parts.
    package var itemCount: Int { plan.kinds.flatMap(parts).reduce(0) { $0 + $1.count } }

    /// The first pictures of a kind, for people.
    package func previews(of kind: SceneFolderKind, count: Int) throws -> [ScenePreview] {
        let part = parts(of: kind)[0]
        var painter = ScenePainter(part.sprites)
        return try (0..<count).map { try part.preview(kind == .davis ? $0 : $0 % part.count, &painter) }
    }

    // MARK: Writing

    /// Writes what is missing.
    ///
    /// - Parameters:
    ///   - shouldStop: Asked now and then.
    ///   - didMake: Told of items that are there, on any thread.
    /// - Returns: Whether everything is there; else it was stopped, and the next call goes on.
    /// - Throws: `FileWriteError`, `ImageError`.
    package func write(
        threads: Int, shouldStop: @Sendable () -> Bool, didMake: @Sendable (Int) -> Void
    ) throws -> Bool {
        try Self.makeFolder(path)
        try SceneManifest(plan: plan, isComplete: false).write(in: path)
        for kind in plan.kinds {
            for part in parts(of: kind) {
                let writing = SceneFolderWriting(part, root: path, threads: threads)
                guard try writing.run(shouldStop: shouldStop, didMake: didMake) else { return false }
            }
        }
        try SceneManifest(plan: plan, isComplete: true).write(in: path)
        return true
    }

    /// Makes a folder and those that it lies in, where they are missing.
    ///
    /// - Throws: `FileWriteError`.
    package static func makeFolder(_ path: String) throws {
        if path.isEmpty || mkdir(path, 0o777) == 0 || errno == EEXIST { return }
        let code = errno
        let parent = (path as NSString).deletingLastPathComponent
        guard code == ENOENT, parent != path, !parent.isEmpty else {
            throw FileWriteError(path: path, operation: "create", code: code)
        }
        try makeFolder(parent)
        if mkdir(path, 0o777) != 0, errno != EEXIST {
            throw FileWriteError(path: path, operation: "create", code: errno)
        }
    }

    // MARK: Removing

    /// Removes the files that this folder's plan names, the folders that are empty then, and at last the manifest; what
    /// else there is stays.
    package func removeFiles() throws {
        var folders: Set<String> = []
        func remove(_ file: String) throws {
            let place = "\(path)/\(file)"
            for name in [place, AtomicFile.temporaryPath(for: place)] where unlink(name) != 0 && errno != ENOENT {
                throw FileWriteError(path: name, operation: "remove", code: errno)
            }
            folders.insert((file as NSString).deletingLastPathComponent)
        }
        for part in plan.kinds.flatMap(parts) {
            for item in 0..<part.count { try part.files(of: item).forEach(remove) }
            try part.texts.forEach { try remove($0.path) }
            if let index = part.index { try remove(index.path) }
        }
        for kind in plan.kinds { try remove(Self.sheet(of: kind)) }
        var all: Set<String> = []
        for folder in folders {
            var folder = folder
            while !folder.isEmpty {
                all.insert(folder)
                folder = (folder as NSString).deletingLastPathComponent
            }
        }
        // The innermost first; what holds something else is not empty and stays.
        for folder in all.sorted(by: { $0.count > $1.count }) { rmdir("\(path)/\(folder)") }
        try remove(SceneManifest.name)
    }

    /// Where the contact sheet of a kind is, below the folder.
    package static func sheet(of kind: SceneFolderKind) -> String { "sheets/\(kind.rawValue).png" }
}

/// What marks a folder as one of ours.
package struct SceneManifest: Codable, Sendable {
    static let name = "cjepa-exp-scenes.json"

    package let plan: SceneFolderPlan
    /// Whether every file was written.
    package let isComplete: Bool

    func write(in folder: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try AtomicFile.write(try encoder.encode(self) + Data("\n".utf8), to: "\(folder)/\(Self.name)")
    }

    /// What is in a folder.
    package enum Folder {
        /// It is not there, or there is nothing in it.
        case empty
        case ours(SceneManifest)
        /// Something else; whether there is a manifest that cannot be read.
        case other(hasManifest: Bool)
    }

    package static func look(at folder: String) -> Folder {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        guard names.contains(name) else {
            var status = stat()
            let isThere = lstat(folder, &status) == 0
            let isFolder = isThere && (try? FileManager.default.contentsOfDirectory(atPath: folder)) != nil
            return !isThere || (isFolder && names.isEmpty) ? .empty : .other(hasManifest: false)
        }
        guard let file = FileHandle(forReadingAtPath: "\(folder)/\(name)"),
            let data = try? file.read(upToCount: 1 << 16),
            let manifest = try? JSONDecoder().decode(SceneManifest.self, from: data),
            SceneFolderPlan.counts.contains(manifest.plan.images), SceneFolderPlan.sizes.contains(manifest.plan.size)
        else { return .other(hasManifest: true) }
        return .ours(manifest)
    }
}
