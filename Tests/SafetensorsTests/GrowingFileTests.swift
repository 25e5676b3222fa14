import Foundation
import TestSupport
import Testing

@testable import Safetensors

@Suite struct GrowingFileTests {
    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test func `What a failed addition has left is cut off`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("lines")
        let file = GrowingFile(path: path, length: 0)
        try file.append(Data("one\n".utf8))
        try Data("one\ntw".utf8).write(to: URL(fileURLWithPath: path))
        try file.append(Data("two\n".utf8))
        #expect(try text(path) == "one\ntwo\n")
        let other = GrowingFile(path: path, length: 4)
        try other.append(Data("2\n".utf8))
        #expect(try text(path) == "one\n2\n")
    }

    @Test func `A file that was removed is made again, and links are not followed`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("lines")
        let file = GrowingFile(path: path, length: 0)
        try file.append(Data("one\n".utf8))
        try FileManager.default.removeItem(atPath: path)
        try file.append(Data("two\n".utf8))
        #expect(try text(path) == "two\n")
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: folder.file("elsewhere"))
        #expect(throws: FileWriteError.self) { try file.append(Data("three\n".utf8)) }
        #expect(!FileManager.default.fileExists(atPath: folder.file("elsewhere")))
    }
}
