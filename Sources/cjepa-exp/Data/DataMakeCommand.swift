import ArgumentParser

/// `cjepa-exp data make`: data sets that the program makes itself.
struct DataMakeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "make", abstract: "Make data sets to run everything on, without a network.",
        subcommands: [DataMakeScenesCommand.self])
}
