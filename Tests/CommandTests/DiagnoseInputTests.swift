import Foundation
import Glibc
import Testing

/// What `diagnose` makes of inputs that are no plain matrix of features: no crash, no wait, and a message to act on.
@Suite struct DiagnoseInputTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func diagnose(_ text: String, as name: String = "features.csv") throws -> Program {
        try Program.run(["diagnose", try folder.write(text, to: name)])
    }

    @Test("a pipe, a device or a socket is refused at once")
    func specialFiles() throws {
        let pipe = folder.path + "/pipe.npy"
        #expect(mkfifo(pipe, 0o600) == 0)
        // Behind a link too.
        let link = folder.path + "/link.npy"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: pipe)
        for (path, word) in [(pipe, "is a pipe"), (link, "is a pipe"), ("/dev/zero", "is a device")] {
            let program = try Program.run(["diagnose", path])
            #expect(program.status == 64, "\(path)")
            #expect(
                program.error.contains("\(path): error: \(word)") && program.error.contains("→"), "\(program.error)")
        }
    }

    @Test("text is read with and without a heading, with quotes, blanks, empty lines and any line ending")
    func texts() throws {
        let rows = (0..<40).map { row in (0..<3).map { "\((row * (7 + 4 * $0)) % 19 - 9)" } }
        func lines(_ separator: String, _ ending: String) -> String {
            rows.map { $0.joined(separator: separator) + ending }.joined()
        }
        let plain = try diagnose(lines(",", "\n"))
        #expect(plain.status == 0 && plain.output.contains("[40, 3] text"), "\(plain.error)")
        let expected = plain.output.split(separator: "\n").dropFirst()
        let named = rows.enumerated().map { "\($0),\"a \"\"b\"\", c\",\($1[0]), \"\($1[1])\",\($1[2])\n" }.joined()
            .replacing(", \"", with: ",\"")
        for (name, text) in [
            ("tabs.tsv", lines("\t", "\n")), ("returns.csv", lines(",", "\r\n")), ("old.csv", lines(",", "\r")),
            ("marked.csv", "\u{FEFF}" + lines(",", "\n")), ("gaps.csv", lines(" , ", "\n\n")),
            ("pandas.csv", "0,1,2\n" + lines(",", "\n")), ("ours.csv", "index,label_name,f0,f1,f2\n" + named),
            ("dims.csv", "x,y,z\n" + lines(",", "\n")), ("open.csv", String(lines(",", "\n").dropLast())),
        ] {
            let program = try diagnose(text, as: name)
            #expect(program.status == 0, "\(name): \(program.error)")
            #expect(program.output.split(separator: "\n").dropFirst() == expected, "\(name)")
        }
    }

    @Test(
        "a fault in a text is named with its line",
        arguments: [
            ("f0,f1\n1,2\n3\n", ["line 3 has 1 column, but line 1 has 2"]),
            ("1,2\n3,4,5\n", ["line 2 has 3 columns, but line 1 has 2"]),
            ("f0,f1\n1,2\n\n3,abc\n", ["line 4 has \"abc\" in column 2 (\"f1\"), which is not a number"]),
            ("1,2\n3,\n", ["line 2 has \"\" in column 2, which is not a number"]),
            ("f0,f1\n1,1e300\n", ["line 2 has \"1e300\" in column 2 (\"f1\"), which does not fit float32"]),
            ("f0,name\n1,\"two\nlines\"\n3,\"x\"y\n", ["line 4 has text after a closing quotation mark"]),
            ("f0,name\n1,\"never\n2,x\n", ["line 2 has a quotation mark that is never closed"]),
            ("f0,f1,f3\n1,2,3\n", ["none of them is f2"]), ("f0,f1,f1\n1,2,3\n", ["two columns are called f1"]),
            (",a,b\n0,1,2\n", ["line 1: column 1 has no name", "index=False"]),
            ("f0,f1\n", ["holds no rows: [0, 2]"]), ("f0,f1\n1,2\n", ["holds a single row: [1, 2]"]),
            ("\n\n", ["holds no lines"]), ("f0,f1\n1e-50,2e-50\n3e-50,1e-49\n", ["1e-49", "multiply"]),
            ("f0\n1\n\u{1B}[31m\n", ["line 3 has \"\\u{1B}[31m\""]),
        ])
    func textFaults(text: String, messages: [String]) throws {
        let program = try diagnose(text)
        #expect(program.status == 64 && program.output.isEmpty, "\(program.output)")
        for message in messages { #expect(program.error.contains(message), "\(program.error)") }
        #expect(program.error.contains("features.csv: error: ") && program.error.contains("→"), "\(program.error)")
    }
}
