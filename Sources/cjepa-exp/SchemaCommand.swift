import ArgumentParser
import ExperimentSpec

/// `cjepa-exp schema`: the spec format for editors.
struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Print the JSON Schema of .spec files, for completion and checks in editors.")

    func run() throws {
        print(ExperimentSchema.json())
    }
}
