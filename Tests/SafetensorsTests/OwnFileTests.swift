import Foundation
import Safetensors
import TestSupport
import Testing

/// What lies in a folder of results may be a trap: nothing is written through it.
@Suite struct OwnFileTests {
    let folder: TemporaryFolder
    private let secret: String

    init() throws {
        folder = try TemporaryFolder()
        secret = folder.file("secret")
        try Data("untouched".utf8).write(to: URL(fileURLWithPath: secret))
    }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test(arguments: [true, false])
    func aFileIsReplacedBesideALinkThatHasTheNameOfItsTemporaryFile(isSymbolic: Bool) throws {
        let path = folder.file("state.json")
        let partial = AtomicFile.temporaryPath(for: path)
        try #require((isSymbolic ? symlink(secret, partial) : link(secret, partial)) == 0)
        try AtomicFile.write(Data("new".utf8), to: path)
        #expect(try text(path) == "new")
        #expect(try text(secret) == "untouched")
        #expect(!FileManager.default.fileExists(atPath: partial))
    }

    @Test func aLinkInAFilesPlaceIsReplacedAndItsTargetLeftAlone() throws {
        let path = folder.file("state.json")
        try #require(symlink(secret, path) == 0)
        try AtomicFile.write(Data("new".utf8), to: path)
        #expect(try text(path) == "new")
        #expect(try text(secret) == "untouched")
    }

    @Test(arguments: [true, false])
    func whatIsWrittenInPlaceIsNeverALink(appends: Bool) throws {
        let path = folder.file("log.txt")
        // One to a file that is there, and one that would make a file.
        for target in [secret, folder.file("nothing")] {
            try #require(symlink(target, path) == 0)
            #expect {
                try OwnFile.open(path, appends: appends)
            } throws: { error in
                "\(error)".contains("\(path): cannot open: it is a symbolic link")
                    && "\(error)".contains("remove the link")
            }
            unlink(path)
        }
        #expect(try text(secret) == "untouched")
        #expect(!FileManager.default.fileExists(atPath: folder.file("nothing")))
    }

    /// It would be waited for until somebody reads it.
    @Test func aPipeInAFilesPlaceIsRefusedAtOnce() throws {
        let path = folder.file("log.txt")
        try #require(mkfifo(path, 0o600) == 0)
        for appends in [true, false] {
            #expect {
                try OwnFile.open(path, appends: appends)
            } throws: { "\($0)".contains("it is not a regular file") }
        }
    }

    /// Not made in /dev, where a failure would cost the machine its device.
    @Test func aDeviceIsNotReplaced() throws {
        let device = folder.file("null")
        // The number of /dev/null. Who may not make a device cannot replace one.
        guard mknod(device, S_IFCHR | 0o666, dev_t(0x103)) == 0 else { return }
        let error = try #require(throws: FileWriteError.self) { try AtomicFile.write(Data([1]), to: device) }
        #expect(error.code == ENODEV && error.cause == "it is a device", "\(error)")
        var status = stat()
        #expect(lstat(device, &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
    }

    @Test func nothingIsMadeInTheFolderOfDevices() throws {
        let path = "/dev/cjepa-exp-\(UUID())"
        #expect(throws: FileWriteError.self) { try AtomicFile(replacing: path) }
        #expect(!FileManager.default.fileExists(atPath: path + ".partial"))
    }

    @Test func aLogIsAppendedTo() throws {
        let path = folder.file("log.txt")
        for line in ["one\n", "two\n"] {
            let file = FileHandle(fileDescriptor: try OwnFile.open(path, appends: true), closeOnDealloc: true)
            try file.write(contentsOf: Data(line.utf8))
        }
        #expect(try text(path) == "one\ntwo\n")
    }

    /// Folders are the user's choice.
    @Test func aFolderMayBeALink() throws {
        let (real, linked) = (folder.file("real"), folder.file("linked"))
        try FileManager.default.createDirectory(atPath: real, withIntermediateDirectories: false)
        try #require(symlink(real, linked) == 0)
        try AtomicFile.write(Data("new".utf8), to: linked + "/state.json")
        #expect(try text(real + "/state.json") == "new")
    }
}
