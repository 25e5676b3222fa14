import Datasets
import Foundation
import Testing

@Suite("Indices of folders and lists")
struct FolderIndexTests {
    private func tree(_ files: [String], in folder: TemporaryFolder) throws {
        for file in files {
            let url = URL(fileURLWithPath: folder.path("data/" + file))
            let parent = file.hasSuffix("/") ? url : url.deletingLastPathComponent()
            try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
            if !file.hasSuffix("/") { try Data([1]).write(to: url) }
        }
    }

    /// Gives all folders a time that lies back, so that their index may be kept.
    private func settle(_ folder: TemporaryFolder, seconds: Double = 100) throws {
        let root = folder.path("data")
        let paths = try FileManager.default.subpathsOfDirectory(atPath: root).map { root + "/" + $0 } + [root]
        for path in paths {
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -seconds)], ofItemAtPath: path)
        }
    }

    private func open(
        _ folder: TemporaryFolder, _ layout: FolderIndex.Layout = .classes, cached: Bool = false
    ) throws -> FolderIndex {
        let cache = cached ? IndexCache(folder: folder.path("cache")) : nil
        return try FolderIndex.open(folder.path("data"), layout: layout, cache: cache, remedy: "mend it")
    }

    private func paths(_ index: ImageIndex) -> [String] { (0..<index.count).map { index.paths[$0] } }

    @Test("Classes and files come in Python's order of code points, folders by their whole path")
    func order() throws {
        let folder = try TemporaryFolder()
        try tree(
            [
                "10/a.png", "1/b.JPEG", "1/a.jpg", "1/z/0.jpg", "1/z-1/0.jpg", "2/x.webp", "Z/1.jpg", "a/1.jpg",
                "é/1.jpg",
            ],
            in: folder)
        let index = try open(folder).index
        #expect(index.classNames == ["1", "10", "2", "Z", "a", "é"])
        // "1/z-1" lies before "1/z/0.jpg" as text, but the folder "1/z" before the folder "1/z-1".
        #expect(
            paths(index) == [
                "1/a.jpg", "1/b.JPEG", "1/z/0.jpg", "1/z-1/0.jpg", "10/a.png", "2/x.webp", "Z/1.jpg", "a/1.jpg",
                "é/1.jpg",
            ])
        #expect(index.labels == [0, 0, 0, 0, 1, 2, 3, 4, 5])
        #expect(index.path(0) == folder.path("data/1/a.jpg"))
    }

    @Test("What is hidden, no image or a broken link is left out and counted; empty classes keep their numbers")
    func leftOut() throws {
        let folder = try TemporaryFolder()
        try tree(
            [
                "a/1.jpg", "a/._1.jpg", "a/.ipynb_checkpoints/1.jpg", "a/Thumbs.db", ".hidden/1.jpg", "b/",
                "c/notes.txt",
                "d/2.BMP", "readme.md",
            ], in: folder)
        let manager = FileManager.default
        try manager.createSymbolicLink(atPath: folder.path("data/a/gone.jpg"), withDestinationPath: "nowhere")
        try manager.createSymbolicLink(atPath: folder.path("data/a/up"), withDestinationPath: "..")
        try manager.createSymbolicLink(atPath: folder.path("data/a/link.jpg"), withDestinationPath: "1.jpg")
        try manager.createSymbolicLink(atPath: folder.path("data/e"), withDestinationPath: "d")
        let found = try open(folder)
        #expect(found.index.classNames == ["a", "b", "c", "d", "e"])
        #expect(paths(found.index) == ["a/1.jpg", "a/link.jpg", "d/2.BMP", "e/2.BMP"])
        #expect(found.notes.hidden.count == 3 && found.notes.others.count == 3 && found.notes.unusable.count == 2)
        #expect(found.notes.emptyClasses == ["b", "c"] && found.notes.extensions == ["jpg": 2, "bmp": 2])
        #expect(found.index.classSizes() == [2, 0, 0, 1, 1])
    }

    @Test("The index is kept, found again, and made anew after any change or damage")
    func cache() throws {
        let folder = try TemporaryFolder()
        try tree(["a/1.jpg", "b/c/2.jpg"], in: folder)
        #expect(try !open(folder, cached: true).isFromCache)
        // Young folders are not trusted.
        #expect(try !open(folder, cached: true).isFromCache)
        try settle(folder)
        let scanned = try open(folder, cached: true)
        let kept = try open(folder, cached: true)
        #expect(!scanned.isFromCache && kept.isFromCache)
        #expect(kept.index == scanned.index && kept.notes == scanned.notes)
        #expect(try !open(folder, .flat, cached: true).isFromCache)

        try tree(["b/c/3.jpg"], in: folder)
        try settle(folder, seconds: 90)
        let changed = try open(folder, cached: true)
        #expect(!changed.isFromCache && changed.index.count == 3)
        #expect(try open(folder, cached: true).isFromCache)

        let file = IndexCache(folder: folder.path("cache")).path(of: folder.path("data"), layout: .classes)
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: file)))
        for place in stride(from: 0, to: bytes.count, by: 7) {
            var damaged = bytes
            damaged[place] ^= 0x41
            try Data(damaged).write(to: URL(fileURLWithPath: file))
            #expect(try !open(folder, cached: true).isFromCache)
            try Data(bytes.prefix(place)).write(to: URL(fileURLWithPath: file))
            #expect(try !open(folder, cached: true).isFromCache)
        }
        #expect(try open(folder, cached: true).index == changed.index)
    }

    @Test("Folders that are missing or empty are named with what is there")
    func refused() throws {
        let folder = try TemporaryFolder()
        func refusal(_ layout: FolderIndex.Layout = .classes) throws -> String {
            try #require(throws: DatasetError.self) { try open(folder, layout) }.description
        }
        #expect(try refusal().contains("data: cannot be read as a folder"))
        try tree(["1.jpg"], in: folder)
        #expect(try refusal().contains("holds no class folders; there are 1 other files, such as 1.jpg"))
        #expect(try open(folder, .flat).index.labels == [-1])
        try FileManager.default.removeItem(atPath: folder.path("data/1.jpg"))
        try tree(["a/x.txt"], in: folder)
        #expect(try refusal().contains("holds no images"))
    }

    @Test("Splits are matched by the names of classes")
    func matched() throws {
        let folder = try TemporaryFolder()
        try tree(["b/1.jpg", "c/1.jpg"], in: folder)
        let index = try open(folder).index
        #expect(try index.matched(to: ["a", "b", "c"], remedy: "mend it").labels == [1, 2])
        let error = try #require(throws: DatasetError.self) { try index.matched(to: ["b"], remedy: "mend it") }
        #expect(error.description.contains("(c)"))
    }

    @Test("Lists of paths, with numbers, names, folders or SimCLR's prefixes for classes")
    func lists() throws {
        let folder = try TemporaryFolder()
        func list(_ text: String, isLabeled: Bool = true) throws -> ImageIndex {
            let path = try folder.write(Array(text.utf8), "list.txt")
            return try ImageList.read(path, root: folder.path("data"), isLabeled: isLabeled, remedy: "mend it")
        }
        let numbers = try list("a b/1.jpg 5\n# said\n\nc.png\t0\r\nd.png,3")
        #expect(paths(numbers) == ["a b/1.jpg", "c.png", "d.png"])
        #expect(numbers.labels == [5, 0, 3] && numbers.classNames.isEmpty)
        let names = try list("1.jpg zebra\n2.jpg ape\n3.jpg zebra\n")
        #expect(names.labels == [1, 0, 1] && names.classNames == ["ape", "zebra"])
        #expect(try list("x/b/1.jpg\nx/a/2.jpg").labels == [1, 0])
        let flat = try list("n02_7.JPEG\nn01_9.JPEG\n")
        #expect(flat.classNames == ["n01", "n02"] && paths(flat) == ["n02_7.JPEG", "n01_9.JPEG"])
        try tree(["n02/n02_7.JPEG"], in: folder)
        #expect(try paths(list("n02_7.JPEG\nn01_9.JPEG\n")) == ["n02/n02_7.JPEG", "n01/n01_9.JPEG"])
        #expect(try list("1.jpg 3\n2.jpg", isLabeled: false).labels == [-1, -1])
        func refusal(_ text: String) throws -> String {
            try #require(throws: DatasetError.self) { try list(text) }.description
        }
        #expect(try refusal("1.jpg 3\n2.jpg\n").contains("list.txt:2: has no label"))
        #expect(try refusal("").contains("names no images"))
        #expect(try refusal("a\0.jpg 1").contains("zero"))
        #expect(try refusal(String(repeating: "a", count: 70_000)).contains("list.txt:1: is longer"))
    }

    @Test("ImageNet's flat val with each kind of list")
    func flatLabels() throws {
        let folder = try TemporaryFolder()
        try tree((1...3).map { "val_0000000\($0).JPEG" }, in: folder)
        let index = try open(folder, .flat).index
        func apply(_ text: String, classes: String? = nil) throws -> ImageIndex {
            let path = try folder.write(Array(text.utf8), "labels")
            let numbered = try classes.map { try folder.write(Array($0.utf8), "classes") }
            return try FlatLabels.apply(path, to: index, numbered: numbered, remedy: "mend it")
        }
        #expect(try apply("490\n361\n171\n").labels == [490, 361, 171])
        let meant = try apply("2\n1\n2\n", classes: "1 n9\n2 n3\n")
        #expect(meant.labels == [0, 1, 0] && meant.classNames == ["n3", "n9"])
        #expect(try apply("2\n1\n2\n", classes: "n9 cat\nn3 dog, hound\n") == meant)
        let csv = try apply(
            "ImageId,PredictionString\nval_00000003,n3 85 1 499 272 n3 2 3 4 5 \nval_00000001,n9 1 2 3 4\n"
                + "val_00000002,n9 1 2 3 4\n")
        #expect(
            paths(csv) == ["val_00000003.JPEG", "val_00000001.JPEG", "val_00000002.JPEG"] && csv.labels == [0, 1, 1])
        #expect(try apply("val_00000002.JPEG 65\nval_00000001 7\nval_00000003 8\n").labels == [65, 7, 8])
        func refusal(_ text: String, classes: String? = nil) throws -> String {
            try #require(throws: DatasetError.self) { try apply(text, classes: classes) }.description
        }
        let short = try refusal("val_00000001 1\nval_00000003 2\n")
        #expect(short.contains("names 2 of the 3 images") && short.contains("but not val_00000002.JPEG"), "\(short)")
        #expect(try refusal("1\n2\n").contains("has 2 labels for the 3 images"))
        #expect(try refusal("1\n2\n3\n4\n").contains("labels:4: is one more label"))
        #expect(try refusal("val_9.JPEG 1\n").contains("names 1 images that are not in"))
        #expect(try refusal("val_00000001 1\nval_00000001 2\n").contains("a second time"))
        #expect(try refusal("1\nval_00000001 2\n").contains("another number of columns"))
        #expect(try refusal("1\n2\n7\n", classes: "a\nb\n").contains("labels:3: has class 7"))
    }
}
