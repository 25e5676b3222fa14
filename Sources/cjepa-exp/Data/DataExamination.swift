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
            return ImageSweep.run(
                count: split.images.count, threads: threads, makeExaminer: { ImageExaminer(split, limits: data.limits) }
            ) { examiner, range in
                var found: [(key: UInt64, facts: ImageFacts)] = []
                var earlier = 0
                let results = range.map { image in
                    let key = split.file(of: image).flatMap { path in
                        (try? PositionalFile(path: path, remedy: ""))
                            .map { CheckRecords.key(of: path, $0.stamp, data.limits) }
                    }
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
        }
        knownCount = known.withLock { $0 }
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
