import Datasets
import Foundation
import ImageCodecs
import Synchronization

/// What opening every image of every split has shown.
struct DataExamination {
    let data: DataImages
    /// For each split, one for each image.
    let results: [[Examined]]
    /// Images that were not opened now, since an earlier check did and they have not changed.
    let knownCount: Int

    init(_ data: DataImages, threads: Int, isFresh: Bool) {
        self.data = data
        let records = CheckRecords(of: data.place, in: .standard(), isFresh: isFresh)
        let known = Mutex(0)
        results = data.splits.map { split in
            Console.beginRated("checking \(split.name)", of: split.images.count)
            let results = ImageSweep.run(
                count: split.images.count, threads: threads, makeExaminer: { ImageExaminer(split) }
            ) { examiner, range in
                var found: [(key: UInt64, facts: ImageFacts)] = []
                var earlier = 0
                let results = range.map { image in
                    let key = Self.key(of: image, in: split)
                    if let key, let facts = records.facts(key) {
                        earlier += 1
                        return Examined.facts(facts)
                    }
                    let result = Self.examine(image, with: examiner)
                    if let key, case .facts(let facts) = result { found.append((key, facts)) }
                    return result
                }
                records.add(found)
                known.withLock { $0 += earlier }
                return results
            }
            Self.keepUnreadable(results, of: split)
            return results
        }
        knownCount = known.withLock { $0 }
    }

    /// What is known of an image is kept under this; none where it lies in no file.
    private static func key(of image: Int, in split: DataImages.Split) -> UInt64? {
        split.images.source.state(of: Int(split.images.sourceIndices[image])).map(CheckRecords.key)
    }

    /// Lets runs know what cannot be read, so that they refuse it, or leave it out, without another look.
    private static func keepUnreadable(_ results: [Examined], of split: DataImages.Split) {
        guard let encoded = split.encoded, results.count == encoded.count else { return }
        // What another look might find readable is nothing to remember.
        let isSettled = results.allSatisfy { result in
            if case .unreadable(let error) = result { error.isAboutBytes } else { true }
        }
        guard isSettled else { return }
        let entries = results.enumerated().compactMap { image, result -> UnreadableImages.Entry? in
            guard case .unreadable(let error) = result else { return nil }
            return .init(image: Int(split.images.sourceIndices[image]), problem: error.problem)
        }
        UnreadableImages.keep(entries, of: encoded)
    }

    private static func examine(_ image: Int, with examiner: ImageExaminer) -> Examined {
        do {
            return .facts(try examiner.examine(image, .init(hashes: true, decodes: true)))
        } catch let error as DatasetError {
            return .unreadable(error)
        } catch {
            return .unreadable(DatasetError(place: "image \(image)", problem: "\(error)", remedy: "look at the file"))
        }
    }

    /// The images that can be read, in order.
    func forEachReadable(_ body: (_ split: Int, _ image: Int, ImageFacts) -> Void) {
        for (number, results) in results.enumerated() {
            for (image, result) in results.enumerated() {
                if case .facts(let facts) = result { body(number, image, facts) }
            }
        }
    }
}
