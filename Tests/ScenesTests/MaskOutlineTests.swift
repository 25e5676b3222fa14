import TensorCore
import Testing

@testable import Scenes

@Suite struct MaskOutlineTests {
    /// Pixels whose centre is inside of a polygon, by the even-odd rule.
    private func fill(_ polygons: [[Double]], height: Int, width: Int) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: height * width)
        for polygon in polygons {
            let corners = polygon.count / 2
            for y in 0..<height {
                for x in 0..<width {
                    var isInside = false
                    for k in 0..<corners {
                        let (x0, y0) = (polygon[2 * k], polygon[2 * k + 1])
                        let (x1, y1) = (polygon[2 * ((k + 1) % corners)], polygon[2 * ((k + 1) % corners) + 1])
                        let crosses = (y0 > Double(y) + 0.5) != (y1 > Double(y) + 0.5)
                        if crosses, Double(x) + 0.5 < min(x0, x1) { isInside.toggle() }
                    }
                    if isInside { result[y * width + x] += 1 }
                }
            }
        }
        return result
    }

    @Test func polygonsCoverThePixelsOnceHolesAndAll() {
        for number in 0..<400 {
            var random = RandomStream(seed: 5, purpose: .tests, sample: number)
            let (height, width) = (1 + random.integer(below: 12), 1 + random.integer(below: 12))
            let density = random.uniform()
            let owners = (0..<height * width).map { _ in random.uniform() < density ? UInt8(3) : UInt8(0) }
            let outline = MaskOutline(owners, height: height, width: width, owner: 3)
            #expect(
                fill(outline.polygons, height: height, width: width) == owners.map { $0 == 3 ? 1 : 0 }, "mask \(number)"
            )
            #expect(outline.polygons.allSatisfy { $0.count >= 8 && $0.count % 2 == 0 })
        }
    }

    @Test func aRingIsCutIntoTwo() {
        let ring: [UInt8] = [1, 1, 1, 1, 0, 1, 1, 1, 1]
        #expect(MaskOutline(ring, height: 3, width: 3, owner: 1).polygons.count == 2)
        #expect(MaskOutline(ring, height: 3, width: 3, owner: 2).polygons.isEmpty)
        #expect(MaskOutline([1], height: 1, width: 1, owner: 1).polygons == [[0, 0, 1, 0, 1, 1, 0, 1]])
    }
}
