import Datasets
import Declarations
import Foundation
import TensorCore
import TestSupport
import Testing

/// Views of pictures of every kind against torchvision's transforms; Tests/Fixtures/images/make_views.py made its results.
@Suite("Views as torchvision's")
struct TorchvisionViewTests {
    private struct View: Decodable {
        let file: String
        let kind: String
        let side: Int
        let short_side: Int?
        let interpolation: String?
        let region: [Int]?
    }

    private struct Results: Decodable {
        let views: [View]
    }

    /// A data set of one picture whose normalised values are the pixels' own, 0 to 255.
    private func images(_ view: View) throws -> (folder: TemporaryFolder, images: ImageDataset) {
        let folder = try TemporaryFolder()
        let picture = try PictureTree.picture(view.file)
        for split in ["train", "test"] {
            let path = folder.url.appendingPathComponent("\(split)/class")
            try FileManager.default.createDirectory(at: path, withIntermediateDirectories: true)
            for name in ["picture", "same"] {
                try picture.write(to: path.appendingPathComponent("\(name).\(view.file.suffix(4))"))
            }
        }
        var settings = settings(of: ImageFolder.self, folder: folder.url.path)
            .with("normalization", "numbers").with("mean", [0.0]).with("std", [1.0 / 255])
        if let shortSide = view.short_side { settings = settings.with("view_short_side", shortSide) }
        if let interpolation = view.interpolation { settings = settings.with("interpolation", interpolation) }
        let splits = try ImageFolder(settings).open(for: ModelInput(channels: 3, imageSize: view.side))
        return (folder, splits.test)
    }

    @Test("Evaluation views and crops lie within one level of torchvision's, which rounds after each pass")
    func views() throws {
        let views = try JSONDecoder().decode(Results.self, from: PictureTree.picture("views.json")).views
        let expected = Array(try PictureTree.picture("views.bin"))
        try #require(views.count == 78)
        var place = 0
        for view in views {
            let (folder, images) = try images(view)
            let count = view.side * view.side
            let output = HostBuffer<Float>(count: 3 * count)
            var renderer = ImageRenderer(images, size: view.side)
            if let region = view.region {
                let crop = CropRegion(top: region[0], left: region[1], height: region[2], width: region[3])
                try renderer.render(0, into: output, slot: 0) { _ in crop }
            } else {
                try images.renderViews(0..<1, size: view.side, into: output)
            }
            var (worst, sum) = (0.0, 0.0)
            for pixel in 0..<count {
                for channel in 0..<3 {
                    // Bicubic overshoots, and bytes do not.
                    let value = min(max(Double(output[channel * count + pixel]), 0), 255)
                    let difference = abs(value - Double(expected[place + 3 * pixel + channel]))
                    worst = difference <= worst ? worst : difference
                    sum += difference
                }
            }
            place += 3 * count
            // Half a level for each rounding; the first one's is spread by weights that add up to 1, or bicubic to 1.26.
            #expect(worst <= (view.interpolation == "bicubic" ? 1.13 : 1.01), "\(view)")
            #expect(sum / Double(3 * count) <= 0.5, "\(view)")
            withExtendedLifetime(folder) {}
        }
        #expect(place == expected.count)
    }
}
