/// Names and version of everything that a run leaves on disk; docs/results-format.md describes it.
package enum RunFormat {
    /// Raised whenever a reader of the former version would misunderstand a file.
    package static let version = 1
    /// Attribute `format` of a run file.
    package static let runFile = "cjepa-exp run"
    /// Metadata `format` of a checkpoint.
    package static let checkpoint = "cjepa-exp checkpoint"

    /// Path of the names of the classes 0, 1, …
    package static let classNames = "classes/names"

    /// Path of an encoder's test embeddings at a step.
    package static func embeddings(encoder: String, step: Int) -> String { "embeddings/\(encoder)/step_\(step)" }

    /// Path of the classes that an encoder's probes gave the test images at its last evaluation.
    package static func predictions(encoder: String) -> String { "predictions/\(encoder)" }

    /// The embeddings that are meant where none are named: the last ones, of the target encoder if there are any.
    ///
    /// - Parameter paths: Of a file's arrays.
    /// - Returns: None where no path is that of embeddings.
    package static func mainEmbeddings(among paths: [String]) -> String? {
        let stored = paths.compactMap { path in step(ofEmbeddings: path).map { (path: path, step: $0) } }
        let targets = stored.filter { $0.path == embeddings(encoder: "target", step: $0.step) }
        return (targets.isEmpty ? stored : targets).max { $0.step < $1.step }?.path
    }

    /// The step in the last name of an embeddings' path.
    package static func step(ofEmbeddings path: String) -> Int? {
        guard path.hasPrefix("embeddings/"), let name = path.split(separator: "/").last, name.hasPrefix("step_") else {
            return nil
        }
        return Int(name.dropFirst("step_".count))
    }

    /// - Throws: `RunStoreError` where `version` is not this program's.
    static func check(version found: Int, file: String) throws {
        guard found == version else {
            throw RunStoreError(
                file: file, message: "has format version \(found), but this program reads version \(version)",
                remedy: found > version ? "use a newer cjepa-exp" : "run it again")
        }
    }
}
