import ArgumentParser
import Datasets
import ExperimentSpec
import Foundation

/// Places in the test split that `--images` names.
enum ImagePlaces {
    /// - Throws: `ValidationError` for what is no list of places.
    static func read(_ text: String) throws -> [Int] {
        let places = try text.split(separator: ",").map { part in
            guard let place = Int(part.trimmingCharacters(in: .whitespaces)), place >= 0 else {
                throw ValidationError("--images takes indices in the test split, such as 0,5,17, not “\(part)”.")
            }
            return place
        }
        guard !places.isEmpty else {
            throw ValidationError("--images takes at least one index in the test split, such as 0,5,17.")
        }
        return places
    }

    /// - Throws: `UnusableInput` where the split has no such image.
    static func check(_ places: [Int], in test: ImageDataset) throws {
        guard let beyond = places.first(where: { $0 >= test.count }) else { return }
        throw UnusableInput(
            place: "--images",
            problem: "there is no image \(beyond): \(test.name) has \(counted(test.count, "test image"))",
            remedy: "give indices from 0 to \(test.count - 1)")
    }

    /// The first image of each of the first classes.
    static func ofClasses(_ count: Int, in test: ImageDataset) -> [Int] {
        guard let labels = test.labels else { return Array(0..<min(count, test.count)) }
        return (0..<Int32(test.classCount)).lazy.compactMap { labels.firstIndex(of: $0) }.prefix(count).map { $0 }
    }
}
