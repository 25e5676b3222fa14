import ArgumentParser
import ExperimentSpec

/// Looks at the word in the place of a command before the arguments are parsed, since the parser says no more of a
/// misspelt one than that it is unexpected.
enum CommandName {
    /// Options that stand without a command.
    private static let rootOptions = ["--help", "-h", "--help-hidden", "--version", "--generate-completion-script"]

    /// Words that other programs have for a command.
    private static let synonyms = [
        "train": "run", "start": "run", "resume": "run", "submit": "run", "check": "plan", "validate": "plan",
        "list": "status", "ls": "status", "watch": "status", "compare": "table", "results": "table", "plot": "report",
        "remove": "clean", "delete": "clean", "rm": "clean", "info": "show", "test": "selftest", "benchmark": "bench",
    ]

    /// - Throws: `UnusableInput` for a word that is no command, with the one that was probably meant.
    static func check(_ arguments: [String]) throws(UnusableInput) {
        guard let first = arguments.first else { return }
        if first == "help" {
            // `help plan` is `plan --help`.
            if arguments.count > 1, !arguments[1].hasPrefix("-") { try check([arguments[1]]) }
        } else if first.hasPrefix("-") {
            try checkOption(first, before: arguments.dropFirst())
        } else if !names(hidden: true).contains(first) {
            throw unknown(first)
        }
    }

    private static func names(hidden: Bool) -> [String] {
        var names: [String] = []
        for subcommand in CJEPAExp.configuration.subcommands {
            let configuration = subcommand.configuration
            if let name = configuration.commandName, hidden || configuration.shouldDisplay { names.append(name) }
        }
        return names
    }

    private static func unknown(_ word: String) -> UnusableInput {
        if word.hasSuffix(".spec") {
            let path = ShellWord.quoted(word)
            return UnusableInput(
                place: "cjepa-exp", problem: "a command is missing before '\(word)'",
                remedy: "`cjepa-exp plan \(path)` shows the runs of the spec, `cjepa-exp run \(path)` trains them")
        }
        let plain = word.lowercased()
        let known = names(hidden: false)
        let nearest = known.first { $0 == plain } ?? synonyms[plain] ?? nearestName(to: plain, among: known)
        return UnusableInput(
            place: "cjepa-exp",
            problem: "there is no command '\(word)'" + (nearest.map { "; did you mean '\($0)'?" } ?? ""),
            remedy: "`cjepa-exp --help` lists the commands")
    }

    /// An option in front of the command, or a misspelt one without a command.
    private static func checkOption(_ option: String, before rest: ArraySlice<String>) throws(UnusableInput) {
        let name = String(option.prefix { $0 != "=" })
        // Three hyphens: what shells ask while they complete a line.
        if rootOptions.contains(name) || name.hasPrefix("---") || name.hasPrefix("--experimental") { return }
        if let command = rest.first(where: names(hidden: true).contains) {
            throw UnusableInput(
                place: "cjepa-exp", problem: "the option \(name) comes before the command",
                remedy: "write the command first: cjepa-exp \(command) \(name) …")
        }
        let nearest = nearestName(to: name, among: rootOptions)
        throw UnusableInput(
            place: "cjepa-exp",
            problem: "\(name) is not an option of cjepa-exp itself" + (nearest.map { "; did you mean \($0)?" } ?? ""),
            remedy: "`cjepa-exp --help` lists the commands, `cjepa-exp COMMAND --help` the options of a command")
    }
}
