/// What a random number is drawn for; streams of different purposes never share numbers.
package enum RandomPurpose: UInt32, Sendable, CaseIterable {
    case weights = 1
    case dataOrder = 2
    case crop = 3
    case masks = 4
    case probe = 5
    case subset = 6
    case resampling = 7
    case objective = 8
    case scenes = 12
    case diagnostics = 20
    case tests = 1000
}

/// A counter-based stream of random numbers, Philox4x32-10 (Salmon et al., SC 2011).
///
/// The stream is a pure function of (seed, purpose, epoch, sample): any thread can draw any sample's numbers at any
/// time and gets the same, which is what makes arms with equal seeds comparable and resumed runs exact.
package struct RandomStream: RandomNumberGenerator, Sendable {
    private let key: SIMD2<UInt32>
    private let epoch: UInt32
    private let sample: UInt32
    private let purpose: UInt32
    private var blockIndex: UInt32 = 0
    private var block = SIMD4<UInt32>(repeating: 0)
    private var unread = 0

    /// - Parameters:
    ///   - seed: The run's seed.
    ///   - epoch: Epoch or step; 0 where it has no meaning.
    ///   - sample: Index of the sample, parameter tensor or whatever else is drawn for; 0 where it has no meaning.
    package init(seed: UInt64, purpose: RandomPurpose, epoch: Int = 0, sample: Int = 0) {
        key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
        self.epoch = UInt32(truncatingIfNeeded: epoch)
        self.sample = UInt32(truncatingIfNeeded: sample)
        self.purpose = purpose.rawValue
    }

    /// The Philox4x32-10 bijection of a 128-bit counter under a 64-bit key.
    package static func philox(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
        var c = counter
        var k = key
        for round in 0..<10 {
            if round > 0 { k = SIMD2(k.x &+ 0x9E37_79B9, k.y &+ 0xBB67_AE85) }
            let p0 = (0xD251_1F53 as UInt32).multipliedFullWidth(by: c.x)
            let p1 = (0xCD9E_8D57 as UInt32).multipliedFullWidth(by: c.z)
            c = SIMD4(p1.high ^ c.y ^ k.x, p1.low, p0.high ^ c.w ^ k.y, p0.low)
        }
        return c
    }

    package mutating func nextUInt32() -> UInt32 {
        if unread == 0 {
            block = Self.philox(counter: SIMD4(blockIndex, purpose, sample, epoch), key: key)
            blockIndex &+= 1
            unread = 4
        }
        unread -= 1
        return block[3 - unread]
    }

    package mutating func next() -> UInt64 {
        let low = UInt64(nextUInt32())
        return UInt64(nextUInt32()) << 32 | low
    }

    /// A number in [0, 1) with 53 random bits.
    package mutating func uniform() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// A number in [range.lowerBound, range.upperBound).
    package mutating func uniform(in range: ClosedRange<Double>) -> Double {
        range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
    }

    /// An integer in 0..<bound, without modulo bias.
    package mutating func integer(below bound: Int) -> Int {
        precondition(bound > 0, "no integer lies below \(bound)")
        // Lemire, "Fast Random Integer Generation in an Interval" (2019).
        let range = UInt64(bound)
        var product = next().multipliedFullWidth(by: range)
        if product.low < range {
            let threshold = (0 &- range) % range
            while product.low < threshold { product = next().multipliedFullWidth(by: range) }
        }
        return Int(product.high)
    }

    /// Fisher–Yates; the standard library's shuffle is not promised to stay the same between releases.
    package mutating func shuffle<Element>(_ values: inout [Element]) {
        guard values.count > 1 else { return }
        for last in stride(from: values.count - 1, to: 0, by: -1) {
            values.swapAt(last, integer(below: last + 1))
        }
    }
}
