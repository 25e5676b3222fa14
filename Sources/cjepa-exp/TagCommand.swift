import Analysis
import ArgumentParser
import RunStore

/// `cjepa-exp tag`: words on runs.
struct TagCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tag",
        abstract: "Add tags to a run, remove them, or list them.",
        discussion: "`status --tag` and `table --tag` show only runs that have a tag.")

    @Argument(help: RunName.help, completion: ShellCompletion.run)
    var runName: String

    @Argument(help: ArgumentHelp("Tags to add.", valueName: "tag"))
    var tags: [String] = []

    @Option(help: ArgumentHelp("A tag to remove; may be repeated.", valueName: "tag"))
    var remove: [String] = []

    @Option(help: ArgumentHelp("Folder that holds the results.", valueName: "dir"), completion: .directory)
    var results = "results"

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        for tag in tags where !RunTags.isValid(tag) {
            throw ValidationError("“\(tag)” cannot be a tag: use letters, digits and -_.:+/ only.")
        }
    }

    func run() throws {
        let directory = RunDirectory(path: try ResultsLocator(resultsDirectory: results).run(runName))
        let before = try directory.loadTags()
        var after = before
        for tag in remove {
            guard after.tags.contains(tag) else {
                throw UnusableInput(
                    place: directory.path, problem: "has no tag “\(tag)”",
                    remedy: after.tags.isEmpty ? "it has none" : "it has \(after.tags.joined(separator: ", "))")
            }
            after.remove(tag)
        }
        for tag in tags { after.add(tag) }
        if after != before { try directory.save(after) }
        if json {
            print(
                String(decoding: try StoredJSON.encode(Listing(run: directory.path, tags: after.tags)), as: UTF8.self))
        } else {
            for tag in after.tags { print(tag) }
        }
    }

    private struct Listing: Encodable {
        let run: String
        let tags: [String]
    }
}
