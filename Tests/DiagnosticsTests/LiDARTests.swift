import Diagnostics
import Testing

@Suite struct LiDARTests {
    @Test func agreesWithTheGoldenNumber() throws {
        let golden = try GoldenDiagnostics()
        let views = try #require(golden.matrices["lidar_views"])
        let expected = try #require(golden.expected["lidar"]?["value"] as? Double)
        let value = LiDAR(views: views, viewsPerObject: 5).value
        #expect(abs(value - expected) <= 1e-9 * expected)
    }

    @Test func objectsThatDifferAlongOneDirectionHaveRankOne() {
        var values = normalMatrix(rows: 60, columns: 4, seed: 1).values
        for row in 0..<60 {
            for j in 0..<4 { values[row * 4 + j] *= 0.01 }
            values[row * 4] += Float(row / 3)
        }
        let value = LiDAR(views: FeatureMatrix(rows: 60, columns: 4, values: values), viewsPerObject: 3).value
        #expect(abs(value - 1) <= 0.01)
    }

    @Test func undefinedFeaturesGiveNaN() {
        let one = LiDAR(views: normalMatrix(rows: 4, columns: 3, seed: 1), viewsPerObject: 4)
        #expect(one.value.isNaN)
        let broken = LiDAR(
            views: FeatureMatrix(rows: 4, columns: 1, values: [1, .nan, 2, 3]), viewsPerObject: 2)
        #expect(broken.value.isNaN)
    }
}
