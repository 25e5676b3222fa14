import ExperimentSpec
import Foundation
import Testing

/// A folder of specs that is deleted with it.
final class SpecFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("specs-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    @discardableResult
    func write(_ text: String, _ name: String = "test.spec") throws -> String {
        let file = "\(path)/\(name)"
        let folder = URL(fileURLWithPath: file).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }
}

/// A valid spec of a small run, on which tests build.
let smallSpec = """
    data: {dataset: fashion_mnist}
    model: {width: 24, depth: 2, heads: 3, image_size: 28, patch_size: 4, channels: 1}
    masks: {min_keep: 4}
    training: {batch_size: 32, steps: 10}

    """

/// Loads the small spec with more text after it, as if every file were there.
func load(
    _ text: String, base: String = smallSpec, overrides: [String] = [], only: [String] = [], skip: [String] = []
) throws -> Experiment {
    let folder = try SpecFolder()
    return try Experiment.load(
        path: try folder.write(base + text), overrides: overrides, only: only, skip: skip, fileExists: { _ in true })
}

/// The errors of a spec; fails where there is none.
func errors(
    _ text: String, base: String = smallSpec, overrides: [String] = [], only: [String] = [], skip: [String] = [],
    sourceLocation: SourceLocation = #_sourceLocation
) throws -> [SpecError] {
    do {
        _ = try load(text, base: base, overrides: overrides, only: only, skip: skip)
        Issue.record("the spec was accepted", sourceLocation: sourceLocation)
        return []
    } catch let errors as SpecErrors {
        return errors.errors
    }
}

/// The errors of a spec's file, as it lies on disk; fails where there is none.
func errors(ofFile path: String, sourceLocation: SourceLocation = #_sourceLocation) -> [SpecError] {
    do {
        _ = try Experiment.load(path: path)
        Issue.record("the spec was accepted", sourceLocation: sourceLocation)
        return []
    } catch {
        return error.errors
    }
}
