import Foundation
import Testing

@testable import Safetensors

@Suite struct FileClaimTests {
    @Test func `who comes later waits, and no lock file stays`() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "claim-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.path + "/made"
        var first = FileClaim(path)
        #expect(first != nil)
        let maker = Task.detached {
            let claim = FileClaim(path)
            defer { withExtendedLifetime(claim) {} }
            // What the first has made is there by then.
            return claim != nil && FileManager.default.fileExists(atPath: path)
        }
        try await Task.sleep(for: .milliseconds(200))
        try Data([1]).write(to: URL(filePath: path))
        first = nil
        #expect(await maker.value)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["made"])
    }

    @Test func `where nothing can be locked nobody waits`() {
        #expect(FileClaim("/nowhere/at/all") == nil)
    }
}
