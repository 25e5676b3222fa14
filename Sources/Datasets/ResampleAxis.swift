/// Weights of antialiased bilinear resampling along one axis.
///
/// As Pillow: a triangle that is one input pixel wide on each side, and wider by the factor of a reduction; weights
/// outside the image are left out and the rest made to sum to 1.
struct ResampleAxis {
    /// First input of each output, and how many.
    private(set) var first: [Int] = []
    private(set) var taps: [Int] = []
    /// [output, stride].
    private(set) var weights: [Float] = []
    private(set) var stride = 0
    private var input = 0

    /// Prepares for `input` pixels to become `output`; allocates only where larger than ever before.
    mutating func prepare(input: Int, output: Int) {
        guard input != self.input || output != first.count else { return }
        self.input = input
        let scale = Double(input) / Double(output)
        let support = max(scale, 1)
        stride = 2 * Int(support.rounded(.up)) + 1
        first.removeAll(keepingCapacity: true)
        taps.removeAll(keepingCapacity: true)
        weights.removeAll(keepingCapacity: true)
        for index in 0..<output {
            let center = (Double(index) + 0.5) * scale
            let low = max(0, Int(center - support + 0.5))
            let high = min(input, Int(center + support + 0.5))
            first.append(low)
            taps.append(high - low)
            var sum = 0.0
            for place in low..<high { sum += Self.triangle((Double(place) + 0.5 - center) / support) }
            for tap in 0..<stride {
                let place = low + tap
                let weight = place < high ? Self.triangle((Double(place) + 0.5 - center) / support) / sum : 0
                weights.append(Float(weight))
            }
        }
    }

    private static func triangle(_ x: Double) -> Double { max(0, 1 - abs(x)) }
}
