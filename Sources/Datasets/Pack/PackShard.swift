import Foundation
import ImageCodecs

/// One file of a pack, whose head and index have been read and checked.
final class PackShard: Sendable {
    let path: String
    let stamp: FileStamp
    let header: PackHeader
    let description: PackDescription
    let entries: [PackEntry]
    /// Names of the files that images were made of; none where they had none.
    let names: PathTable?
    /// First entry of each split, in the order of the description.
    let starts: [Int]

    /// - Throws: `DatasetError` that names the file and the place, for whatever is not as it was written.
    init(path: String, remedy: String) throws {
        let file = try PositionalFile(path: path, remedy: remedy)
        let header = try PackHeader(file)
        let index = try file.read(at: header.indexStart, count: header.fileSize - header.indexStart)
        guard StoredWords.checksum(index, first: index.count) == header.indexChecksum else {
            throw file.failure("is damaged in its index, bytes \(header.indexStart)…\(header.fileSize - 1)")
        }
        let description: PackDescription
        do {
            let json = Data(index.prefix(header.descriptionLength))
            description = try JSONDecoder().decode(PackDescription.self, from: json)
        } catch {
            throw file.failure("is damaged in its description, at byte \(header.indexStart)")
        }
        var starts = [0]
        for split in description.splits {
            let end = (starts.last ?? 0).addingReportingOverflow(split.count)
            guard split.count >= 0, split.first >= 0, split.total >= 0, !end.overflow, end.partialValue <= header.count,
                split.first <= split.total, split.count <= split.total - split.first
            else { throw file.failure("is damaged: its split \(split.name) has impossible numbers of images") }
            starts.append(end.partialValue)
        }
        guard starts.last == header.count, description.classCount >= 0,
            description.classCount <= ImageIndex.classNumbers.count,
            description.classNames.map({ $0.count == description.classCount }) ?? true
        else { throw file.failure("is damaged: numbers of images or classes contradict each other in its description") }
        let entriesEnd = header.descriptionLength + PackEntry.size * header.count
        entries = try (0..<header.count).map { image in
            let place = header.descriptionLength + PackEntry.size * image
            let entry = PackEntry(index, at: place)
            if let problem = Self.problem(of: entry, header, description) {
                throw file.failure(
                    "is damaged: image \(image) \(problem), in the index at byte \(header.indexStart + place)")
            }
            return entry
        }
        if header.namesLength == 0 {
            names = nil
        } else {
            guard let table = Self.names(index, from: entriesEnd, count: header.count) else {
                throw file.failure("is damaged in its names, at byte \(header.indexStart + entriesEnd)")
            }
            names = table
        }
        self.path = path
        stamp = file.stamp
        self.header = header
        self.description = description
        self.starts = starts
    }

    private static func problem(
        of entry: PackEntry, _ header: PackHeader, _ description: PackDescription
    ) -> String? {
        guard entry.offset >= UInt64(PackHeader.size), entry.offset <= UInt64(header.indexStart), entry.length > 0,
            UInt64(entry.length) <= UInt64(header.indexStart) - entry.offset
        else { return "of \(entry.length) bytes at byte \(entry.offset) lies outside of the images" }
        let (width, height) = (Int(entry.width), Int(entry.height))
        guard (try? ImageLimits().check(width: width, height: height)) != nil else {
            return "has an impossible size of \(width)×\(height) pixels"
        }
        guard header.encoding != .raw || width * height * header.channels == Int(entry.length) else {
            return "of \(width)×\(height) pixels has \(entry.length) bytes"
        }
        guard entry.label >= -1, Int(entry.label) < description.classCount else {
            return "has the class \(entry.label) of \(description.classCount)"
        }
        return nil
    }

    private static func names(_ index: [UInt8], from start: Int, count: Int) -> PathTable? {
        let offsetsLength = 4 * (count + 1)
        guard index.count - start >= offsetsLength else { return nil }
        let offsets = (0...count).map { name in
            (0..<4).reduce(UInt32(0)) { $0 | UInt32(index[start + 4 * name + $1]) << UInt32(8 * $1) }
        }
        return PathTable(bytes: Array(index[(start + offsetsLength)...]), offsets: offsets)
    }
}
