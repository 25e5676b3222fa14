import Declarations
import Datasets
import Declarations
import ExperimentSpec
import Foundation
import Masking
import Pictures
import Testing
import cjepa_exp

@Suite("Masks on real images")
struct MasksReportTests {
    private static let sample = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/fashion-mnist-sample").path

    private func report(_ sampler: String, rows: Int = 3) throws -> MasksReport {
        var configuration = RunConfiguration()
        configuration.model.imageSize = 28
        configuration.model.patchSize = 4
        configuration.model.channels = 1
        configuration.set("masks.sampler", to: .text(sampler))
        configuration.set("masks.min_keep", to: 4)
        configuration.training.batchSize = 16
        let dataset = try FashionMNISTSample(Settings(FashionMNISTSample.keys).with("folder", Self.sample)).open().train
        return try MasksReport(configuration, dataset: dataset, rows: rows, batches: 20)
    }

    @Test("A row shows the image, the context with everything else blank, and each target block untouched inside")
    func figure() throws {
        let report = try report("uniform")
        let figure = report.figure()
        // Enlarged 5 times: panels of 140 pixels, 10 apart, from the margin of 18; rows begin below the titles.
        let (factor, top, hidden) = (5, 18 + 22, RGBColor(203, 215, 235))
        func left(_ panel: Int) -> Int { 18 + panel * 150 }
        #expect(figure.width == left(6) - 10 + 18)
        for (row, image) in report.images.enumerated() {
            let context = Set(report.masks.context(image: row))
            for patch in 0..<49 as Range<Int32> {
                // A pixel inside the patch, away from grid lines and outlines.
                let (x, y) = (Int(patch) % 7 * 4 + 2, Int(patch) / 7 * 4 + 2)
                let (dx, dy) = (x * factor + 2, top + row * 150 + y * factor + 2)
                #expect(figure[left(0) + dx, dy] == image[x, y])
                #expect(figure[left(1) + dx, dy] == (context.contains(patch) ? image[x, y] : hidden))
                for block in 0..<4 {
                    let isTarget = report.masks.target(block: block, image: row).contains(patch)
                    let expected = isTarget ? image[x, y] : image[x, y].mixed(with: hidden, share: 0.8)
                    #expect(figure[left(2 + block) + dx, dy] == expected)
                }
            }
        }
    }

    @Test("The images shown are dark-backed pictures with contrast, not noise or blanks")
    func images() throws {
        for image in try report("ijepa", rows: 8).images {
            #expect(image.width == 28 && image.height == 28)
            #expect((image.pixels.max() ?? 0) > 100 && (image.pixels.min() ?? 255) == 0)
            #expect((0..<784).allSatisfy { image.pixels[3 * $0] == image.pixels[3 * $0 + 2] })
        }
    }

    @Test("JSON has keys in snake_case and maps of the grid's size")
    func json() throws {
        let text = try report("ijepa").json(experiment: "test", arm: "base", picture: nil)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let statistics = try #require(object["statistics"] as? [String: Any])
        #expect((statistics["context_coverage"] as? [Double])?.count == 49)
        #expect((statistics["target_coverage"] as? [Double])?[48] == 0)
        #expect((statistics["target_sizes"] as? [[String: Int]])?.first?["batches"] != nil)
        #expect(object["sampler"] as? String == "ijepa" && object["target_blocks"] as? Int == 4)
        let keys = Array(object.keys) + Array(statistics.keys)
        #expect(keys.allSatisfy { $0.allSatisfy { $0.isLowercase || $0 == "_" } }, "\(keys)")
    }

    @Test("The text names the sampler and both reaches")
    func text() throws {
        let text = try report("uniform").text
        #expect(text.contains("uniform, 7×7 patches, 4 target blocks"))
        #expect(text.contains("targets reach") && text.contains("rules relaxed    for 0.0 %"))
    }
}
