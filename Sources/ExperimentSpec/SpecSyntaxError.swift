import Yams

/// Where and how a text breaks YAML's grammar, in other words than the parser's own.
struct SpecSyntaxError {
    let specError: SpecError

    init(_ error: YamlError, in text: String, file: String, hasLines: Bool) {
        func place(_ mark: Mark) -> SpecLocation {
            SpecLocation(file: file, line: hasLines ? mark.line : nil, column: hasLines ? mark.column : nil)
        }
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let begun = hasLines ? context?.mark.line : nil
            let (message, remedy) =
                Self.known(problem, at: Self.character(at: mark, in: text), begun: begun)
                ?? Self.other(problem, context: context?.text, begun: begun)
            specError = SpecError(place(mark), "not valid YAML: \(message)", remedy: remedy)
        case .duplicatedKeysInMapping(let names, let context):
            specError = SpecError(
                place(context.mark), keyPath: names.first,
                "keys occur twice in the same group: \(listed(names))", remedy: "keep one of each")
        case .reader(let problem, let offset, _, _):
            let position = offset.map { " at character \($0)" } ?? ""
            specError = SpecError(
                SpecLocation(file: file), "not valid YAML: \(problem)\(position)", remedy: "save the file as UTF-8 text"
            )
        default:
            specError = SpecError(SpecLocation(file: file), "not valid YAML: \(error)")
        }
    }

    private static func character(at mark: Mark, in text: String) -> Character? {
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        guard lines.indices.contains(mark.line - 1) else { return nil }
        return lines[mark.line - 1].unicodeScalars.dropFirst(mark.column - 1).first.map(Character.init)
    }

    /// What the parser's usual complaints mean, and what to do.
    ///
    /// - Parameter begun: Line in which the part that it was reading begins.
    private static func known(_ problem: String, at character: Character?, begun: Int?) -> (String, String)? {
        let since = begun.map { " on line \($0)" } ?? ""
        if problem.contains("tab character") || (problem.contains("cannot start any token") && character == "\t") {
            return ("a tab in front of a key", "indent with spaces, never with tabs")
        }
        if problem.contains("cannot start any token") || problem.contains("directive") {
            let sign = character.map { "'\($0)'" } ?? "this character"
            return ("\(sign) cannot begin a value", "put the value in quotes")
        }
        if problem.contains("mapping values are not allowed") {
            return (
                "a second ': ' in one value, or a key that is indented deeper than its group",
                "put text that contains ': ' in quotes, and start all keys of a group in the same column"
            )
        }
        if problem.contains("expected ':'") {
            return ("a key without ': ' and a value", "write 'key: value', with a space after the colon")
        }
        if problem.contains("expected ',' or '}'") || problem.contains("expected ',' or ']'") {
            let close = problem.contains("}") ? "}" : "]"
            return (
                "the \(close == "}" ? "'{'" : "'['") that opens\(since) is not closed, or a comma is missing after it",
                "put commas between its elements, and '\(close)' at its end"
            )
        }
        if problem.contains("expected key") || problem.contains("'-' indicator") || problem.contains("block end") {
            return (
                "the line fits neither the group that starts\(since) nor one around it",
                "start all keys of a group, and all '- ' of a list, in the same column"
            )
        }
        if problem.contains("block sequence entries") {
            return ("a '- ' where no list can start", "start the list on a line of its own, below its key")
        }
        if problem.contains("unexpected end of stream") {
            return ("the quote that opens\(since) is not closed", "close it")
        }
        if problem.contains("undefined alias") {
            return (
                "an alias (*name) without an anchor",
                "put '&name' before the value that it stands for, further up, or put text that begins with '*' in quotes"
            )
        }
        if problem.contains("another document") {
            return ("a second document begins here", "remove the '---': a spec is one document")
        }
        if problem.contains("escape character") {
            return (
                "an unknown escape after a backslash in double quotes",
                "write \\\\ for a backslash, or use single quotes"
            )
        }
        return nil
    }

    private static func other(_ problem: String, context: String?, begun: Int?) -> (String, String) {
        let context = context.map { context in
            let text = String(context.drop { $0.isWhitespace })
            return "\(text)\(begun.map { " (line \($0))" } ?? ""): "
        }
        return (
            (context ?? "") + problem, "check indentation, colons and brackets; indent with spaces, never with tabs"
        )
    }
}
