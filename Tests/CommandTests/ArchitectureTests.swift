import Foundation
import Testing

/// docs/architecture.md, Package.swift and the sources say the same about who imports whom.
@Suite struct ArchitectureTests {
    private static func text(_ path: String) throws -> String {
        try String(contentsOfFile: Program.repository + "/" + path, encoding: .utf8)
    }

    /// Library target → what it depends on, from Package.swift; names of packages for products of other packages.
    private static func declared() throws -> [String: Set<String>] {
        let packages = [
            "yams": "Yams", "subprocess": "swift-subprocess", "system": "swift-system",
            "argumentParser": "swift-argument-parser",
        ]
        func names(_ list: Substring) -> Set<String> {
            Set(
                list.matches(of: /"(?<target>\w+)"|(?<package>\w+)/).map { match in
                    match.target.map { String($0) } ?? packages[String(match.package!)] ?? String(match.package!)
                })
        }
        let package = try text("Package.swift")
        var targets: [String: Set<String>] = [:]
        for match in package.matches(of: /\blibrary\(\s*"(?<name>\w+)"(,\s*\[(?<list>[^\]]*)\])?/) {
            targets[String(match.name)] = names(match.list ?? "")
        }
        let executable = /executableTarget\(\s*name: "(?<name>[\w-]+)",\s*dependencies: \[(?<list>[^\]]*)\]/
        let match = try #require(package.firstMatch(of: executable))
        targets[String(match.name)] = names(match.list)
        return targets
    }

    /// Module → the last column of the table of modules.
    private static func documented() throws -> [String: Set<String>] {
        var modules: [String: Set<String>] = [:]
        let table = try text("docs/architecture.md").split(separator: "\n").drop { !$0.hasPrefix("| Module |") }
        for line in table.dropFirst(2).prefix(while: { $0.hasPrefix("|") }) {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            let imports = cells[2] == "–" ? [] : Set(cells[2].components(separatedBy: ", "))
            for name in cells[0].matches(of: /`([\w-]+)`/) { modules[String(name.1)] = imports }
        }
        return modules
    }

    @Test func theTableOfModulesIsThatOfThePackage() throws {
        let declared = try Self.declared()
        let documented = try Self.documented()
        #expect(declared.count > 15)
        for (module, dependencies) in declared {
            #expect(documented[module] == dependencies, "\(module)")
        }
        for (module, imports) in documented where declared[module] == nil {
            #expect(imports.isEmpty, "\(module) is a C target")
        }
    }

    @Test func everyDependencyIsImported() throws {
        let modules = [
            "swift-subprocess": "Subprocess", "swift-system": "SystemPackage",
            "swift-argument-parser": "ArgumentParser",
        ]
        for (target, dependencies) in try Self.declared() {
            let folder = Program.repository + "/Sources/" + target
            let files = try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.hasSuffix(".swift") }
            let imported = try files.reduce(into: Set<String>()) { imported, file in
                let text = try String(contentsOfFile: folder + "/" + file, encoding: .utf8)
                imported.formUnion(text.matches(of: /(?m)^(?:package )?import (\w+)/).map { String($0.1) })
            }
            for dependency in dependencies {
                #expect(imported.contains(modules[dependency] ?? dependency), "\(target) does not use \(dependency)")
            }
        }
    }
}
