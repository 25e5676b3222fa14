/// Weights of antialiased resampling along one axis.
///
/// As Pillow: a filter that is a fixed number of input pixels wide on each side, and wider by the factor of a reduction;
/// weights outside the image are left out and the rest made to sum to 1.
struct ResampleAxis {
    /// First input of each output, and how many.
    private(set) var first: [Int] = []
    private(set) var taps: [Int] = []
    /// [output, stride].
    private(set) var weights: [Float] = []
    private(set) var stride = 0
    private var prepared: Request?

    private struct Request: Hashable {
        let input, output: Int
        let sampling: AxisSampling
        let interpolation: Interpolation
    }

    /// Prepares for `output` values from `input` pixels; allocates only where larger than ever before.
    mutating func prepare(input: Int, output: Int, _ sampling: AxisSampling, _ interpolation: Interpolation) {
        let request = Request(input: input, output: output, sampling: sampling, interpolation: interpolation)
        guard request != prepared else { return }
        prepared = request
        let (scale, origin) = (sampling.scale, sampling.origin)
        let reduction = max(scale, 1)
        let support = interpolation.support * reduction
        stride = 2 * Int(support.rounded(.up)) + 1
        first.removeAll(keepingCapacity: true)
        taps.removeAll(keepingCapacity: true)
        weights.removeAll(keepingCapacity: true)
        for index in 0..<output {
            let center = origin + (Double(index) + 0.5) * scale
            let low = max(0, Int(center - support + 0.5))
            let high = min(input, Int(center + support + 0.5))
            first.append(low)
            taps.append(high - low)
            var sum = 0.0
            for place in low..<high { sum += interpolation.weight((Double(place) + 0.5 - center) / reduction) }
            for tap in 0..<stride {
                let place = low + tap
                let weight = place < high ? interpolation.weight((Double(place) + 0.5 - center) / reduction) / sum : 0
                weights.append(Float(weight))
            }
        }
    }
}

extension Interpolation {
    /// Half the width of the filter, in pixels.
    var support: Double {
        switch self {
        case .bilinear: 1
        case .bicubic: 2
        }
    }

    /// The filter at a distance in pixels.
    func weight(_ x: Double) -> Double {
        let x = abs(x)
        switch self {
        case .bilinear: return max(0, 1 - x)
        case .bicubic:
            // Keys' cubic with a = −½, as Pillow's.
            let a = -0.5
            if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
            if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
            return 0
        }
    }
}
