import Foundation
import Glibc

/// The text of a spec's file, or why it is none.
enum SpecFile {
    struct Unreadable: Error {
        let message: String
        var nearest: String?
        let remedy: String
    }

    /// - Throws: `Unreadable` for a path that leads nowhere or to anything but a file, and for a file that is no UTF-8
    ///   text or larger than a spec may be.
    static func text(of path: String) throws(Unreadable) -> String {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw Unreadable(
                message: "there is no such spec", nearest: nearestSpec(to: path),
                remedy: "give the path of a .spec file")
        }
        if isFolder.boolValue { throw folder(path) }
        // To open a pipe that nobody writes to would wait for ever, and a device may have no end.
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            throw Unreadable(
                message: "this is a pipe, a device or the like, not a spec", remedy: "give the path of a .spec file")
        }
        let data: Data
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? file.close() }
            data = try file.read(upToCount: SpecBounds.fileBytes + 1) ?? Data()
        } catch {
            throw Unreadable(
                message: "the spec cannot be read: \(error.localizedDescription)",
                remedy: "check that you may read the file")
        }
        guard data.count <= SpecBounds.fileBytes else {
            throw Unreadable(
                message: "the file has more than \(SpecBounds.fileBytes) bytes, the limit for a spec",
                remedy: "give the path of a .spec file")
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw Unreadable(message: "the spec is not UTF-8 text", remedy: "save it as UTF-8")
        }
        return text
    }

    private static func folder(_ path: String) -> Unreadable {
        let message = "this is a folder, not a spec"
        let specs = specs(in: path)
        if !specs.isEmpty {
            return Unreadable(message: message, remedy: "give one of the specs in it: \(specs.joined(separator: ", "))")
        }
        let isExperiment = FileManager.default.fileExists(atPath: path + "/experiment.json")
        return Unreadable(
            message: message,
            remedy: isExperiment
                ? "it holds the results of an experiment; give the path of its .spec file"
                : "give the path of a .spec file"
        )
    }

    /// A spec beside the missing one whose name is almost the same, above all one that has only the extension more.
    private static func nearestSpec(to path: String) -> String? {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        let name = String(path.dropFirst(folder.count))
        let specs = specs(in: folder.isEmpty ? "." : folder)
        let found = specs.contains(name + ".spec") ? name + ".spec" : nearestName(to: name, among: specs)
        return found.map { folder + $0 }
    }

    private static func specs(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasSuffix(".spec") }.sorted()
    }
}
