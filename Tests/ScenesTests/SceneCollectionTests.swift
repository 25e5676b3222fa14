import Datasets
import Declarations
import TensorCore
import Testing

@testable import Scenes

@Suite struct SceneCollectionTests {
    private func collection(_ values: [String: SpecValue]) -> SceneCollection {
        let folder = Sample.repository + "/Tests/Fixtures/fashion-mnist-sample"
        let usual: [String: SpecValue] = [
            "sprites": "sample", "folder": .text(folder), "scene_images": 100, "scene_test_images": 50,
        ]
        return SceneCollection(Settings(SceneCollection.keys, usual.merging(values) { $1 }))
    }

    @Test func itIsWhatItsKeysSay() throws {
        let splits = try collection(["scene_size": 48]).open()
        #expect(splits.train.count == 100 && splits.test.count == 50)
        #expect(splits.train.source.uniformSize == ImageSize(height: 48, width: 48) && splits.train.channels == 3)
        #expect(splits.train.classNames?.first == "T-shirt/top")
        // Classes are equally frequent in both splits.
        for images in [splits.train, splits.test] {
            let counts = Dictionary(grouping: images.labels ?? []) { $0 }.mapValues(\.count)
            #expect(counts.count == 10 && Set(counts.values).count == 1, "\(counts)")
        }
        #expect(splits.test.normalization == splits.train.normalization)
        #expect(splits.train.normalization.standardDeviation.allSatisfy { (0.05..<0.5).contains($0) })
    }

    @Test func rangesThatAreTheWrongWayRoundAreFound() {
        let found = collection(["scene_objects": [3, 1], "scene_share": [1, 0.5]]).findings
        #expect(found.map(\.keys) == [["data.scene_objects"], ["data.scene_share"]])
        #expect(found.map(\.remedy) == ["write [1, 3]", "write [0.5, 1]"])
        #expect(collection(["scene_objects": [2, 2], "scene_share": [0.5, 0.5]]).findings.isEmpty)
    }

    @Test func everyKeyMakesOtherPicturesThatAFingerprintTells() throws {
        let changes: [[String: SpecValue]] = [
            [:], ["scene_size": 40], ["scene_objects": [2, 2]], ["scene_share": [0.3, 0.4]], ["scene_rotation": 90],
            ["scene_colours": "muted"], ["scene_texture": 45], ["scene_clutter": 3], ["scene_seed": 1],
        ]
        let splits = try changes.map { try collection($0).open() }
        #expect(Set(splits.map(\.train.fingerprint)).count == changes.count)
        #expect(Set(splits.map { Self.pixels(of: $0.train, 3) }).count == changes.count)
        let again = try collection([:]).open()
        #expect(again.train.fingerprint == splits[0].train.fingerprint)
        #expect(again.test.fingerprint != again.train.fingerprint)
        #expect(Self.pixels(of: again.test, 3) != Self.pixels(of: again.train, 3))
    }

    private static func pixels(of images: ImageDataset, _ image: Int) -> [UInt8] {
        let reader = images.source.makeReader()
        var pixels: [UInt8] = []
        guard let size = try? reader.open(image) else { return [] }
        try? reader.withPixels(of: CropRegion(of: size), reduction: 1) { values, layout in
            for place in layout.start..<layout.start + 3 * size.height * size.width { pixels.append(values[place]) }
        }
        return pixels
    }

    @Test func aRegionIsThatPartOfThePicture() throws {
        let source = try collection([:]).open().train.source
        let reader = source.makeReader()
        let size = try reader.open(7)
        var whole: [UInt8] = []
        try reader.withPixels(of: CropRegion(of: size), reduction: 1) { values, _ in
            for place in 0..<3 * 32 * 32 { whole.append(values[place]) }
        }
        try reader.withPixels(of: CropRegion(top: 5, left: 9, height: 4, width: 6), reduction: 1) { values, layout in
            #expect(
                layout.height == 4 && layout.width == 6 && layout.box == PixelBox(top: 0, left: 0, height: 4, width: 6))
            for row in 0..<4 {
                for column in 0..<6 {
                    for channel in 0..<3 {
                        let place =
                            layout.start + row * layout.rowStride + column * layout.columnStride
                            + channel * layout.channelStride
                        #expect(values[place] == whole[3 * ((row + 5) * 32 + column + 9) + channel])
                    }
                }
            }
        }
    }

    @Test func missingSpritesAreAnErrorWithARemedy() {
        #expect(throws: DatasetError.self) { try collection(["folder": "/nowhere"]).open() }
        let missing = collection(["sprites": "fashion_mnist", "folder": "/nowhere"])
        #expect(missing.remedyForMissingFiles.contains("data.sprites: sample"))
        #expect(missing.requiredPaths.allSatisfy { $0.path.hasPrefix("/nowhere/") } && !missing.requiredPaths.isEmpty)
    }
}
