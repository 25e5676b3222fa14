package import Foundation

/// Pictures of Tests/Fixtures/images as a small data set in a temporary folder: class folders `train` and `test`, lists
/// `train.txt` and `test.txt`, and shards `train-0.tar`, `train-1.tar` and `test-0.tar` of the same files in the same order.
package final class PictureTree: Sendable {
    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/images").path
    private static let training = [
        "large-1x1.jpg", "large-2x2.jpg", "large-progressive.jpg", "ycc-2x2.jpg", "ycc-odd.jpg", "progressive.jpg",
        "cmyk.jpg", "grey.jpg", "rgb8.png", "palette8.png", "rgba8.png", "grey16.png", "lossy.webp", "lossless.webp",
        "orientation-6.jpg", "lossy-large.webp",
    ]
    private static let testing = [
        "large-1x2.jpg", "ycc-1x1.jpg", "restart.jpg", "rgb.jpg", "rgb8-interlaced.png", "rgb16.png", "ycck.jpg",
        "grey8.png",
    ]

    private let folder: TemporaryFolder
    package var path: String { folder.path }

    /// - Parameter copies: How often each training picture comes.
    package init(copies: Int = 2) throws {
        folder = try TemporaryFolder()
        try add("train", Self.training, copies: copies, shards: 2)
        try add("test", Self.testing, copies: 1, shards: 1)
    }

    package func file(_ name: String) -> String { folder.file(name) }

    /// A picture of the fixtures.
    package static func picture(_ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: "\(fixtures)/\(name)"))
    }

    package func write(_ content: Data, _ name: String) throws {
        let url = URL(fileURLWithPath: file(name))
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try content.write(to: url)
    }

    private func add(_ split: String, _ pictures: [String], copies: Int, shards: Int) throws {
        var lines: [String] = []
        var members: [[UInt8]] = []
        for (number, kind) in ["cat", "dog"].enumerated() {
            let half = pictures.count / 2
            for copy in 0..<copies {
                for (place, picture) in pictures[number * half..<(number + 1) * half].enumerated() {
                    let content = try Self.picture(picture)
                    let index = String(100 + copy * half + place)
                    let name = "\(kind)/\(index)." + URL(fileURLWithPath: picture).pathExtension
                    try write(content, "\(split)/\(name)")
                    lines.append("\(split)/\(name) \(kind)\n")
                    members.append(Self.member(name, Array(content)))
                }
            }
        }
        try write(Data(lines.joined().utf8), "\(split).txt")
        for shard in 0..<shards {
            let part = members[shard * members.count / shards..<(shard + 1) * members.count / shards]
            try write(Data(part.flatMap(\.self) + [UInt8](repeating: 0, count: 1024)), "\(split)-\(shard).tar")
        }
    }

    /// A member of a ustar archive.
    package static func member(_ name: String, _ content: [UInt8]) -> [UInt8] {
        func octal(_ value: Int, _ width: Int) -> [UInt8] {
            let digits = String(value, radix: 8)
            return Array((String(repeating: "0", count: width - 1 - digits.count) + digits).utf8) + [0]
        }
        var head = [UInt8](repeating: 0, count: 512)
        head.replaceSubrange(0..<name.utf8.count, with: Array(name.utf8))
        head.replaceSubrange(124..<136, with: octal(content.count, 12))
        head[156] = 0x30
        head.replaceSubrange(257..<263, with: Array("ustar".utf8) + [0])
        head.replaceSubrange(148..<156, with: [UInt8](repeating: 32, count: 8))
        let sum = head.reduce(0) { $0 + Int($1) }
        head.replaceSubrange(148..<155, with: octal(sum, 7))
        return head + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }
}
