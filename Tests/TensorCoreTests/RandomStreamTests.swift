import Testing
import TensorCore

@Suite("RandomStream")
struct RandomStreamTests {
    struct Vector: CustomTestStringConvertible {
        let name: String
        let counter: SIMD4<UInt32>
        let key: SIMD2<UInt32>
        let expected: SIMD4<UInt32>
        var testDescription: String { name }
    }

    /// Known answers of Random123 (kat_vectors, philox4x32 with 10 rounds).
    static let vectors = [
        Vector(
            name: "zeros", counter: SIMD4(repeating: 0), key: SIMD2(repeating: 0),
            expected: SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8)),
        Vector(
            name: "ones", counter: SIMD4(repeating: .max), key: SIMD2(repeating: .max),
            expected: SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd)),
        Vector(
            name: "digits of pi", counter: SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344),
            key: SIMD2(0xa409_3822, 0x299f_31d0),
            expected: SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1)),
    ]

    @Test("Philox4x32-10 gives Random123's known answers", arguments: vectors)
    func knownAnswers(_ vector: Vector) {
        #expect(RandomStream.philox(counter: vector.counter, key: vector.key) == vector.expected)
    }

    @Test("The stream is Philox of (block, purpose, sample, epoch) under the seed")
    func layout() {
        var stream = RandomStream(seed: 0x0123_4567_89ab_cdef, purpose: .crop, epoch: 7, sample: 9)
        let key = SIMD2<UInt32>(0x89ab_cdef, 0x0123_4567)
        let blocks = (0..<2 as Range<UInt32>).map {
            RandomStream.philox(counter: SIMD4($0, RandomPurpose.crop.rawValue, 9, 7), key: key)
        }
        let expected = blocks.flatMap { block in (0..<4).map { block[$0] } }
        #expect((0..<8).map { _ in stream.nextUInt32() } == expected)
    }

    @Test("Streams of other seeds, purposes, epochs and samples share no numbers")
    func separation() {
        var seen = Set<UInt64>()
        var drawn = 0
        for seed in [0, 1, 1 << 40] as [UInt64] {
            for purpose in RandomPurpose.allCases {
                for epoch in 0..<3 {
                    for sample in 0..<3 {
                        var stream = RandomStream(seed: seed, purpose: purpose, epoch: epoch, sample: sample)
                        for _ in 0..<8 {
                            seen.insert(stream.next())
                            drawn += 1
                        }
                    }
                }
            }
        }
        #expect(seen.count == drawn)
    }

    @Test("Uniform numbers fill [0, 1) evenly and are not correlated with their successors")
    func uniformity() {
        var stream = RandomStream(seed: 3, purpose: .tests)
        let count = 100_000
        let values = (0..<count).map { _ in stream.uniform() }
        #expect(values.allSatisfy { $0 >= 0 && $0 < 1 })
        var bins = [Int](repeating: 0, count: 100)
        for value in values { bins[Int(value * 100)] += 1 }
        let expected = Double(count) / 100
        let chiSquare = bins.reduce(0.0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
        // 99 degrees of freedom: 99.99 % of draws lie between 54 and 162.
        #expect(chiSquare > 54 && chiSquare < 162)
        let mean = values.reduce(0, +) / Double(count)
        #expect(abs(mean - 0.5) < 4 * (1.0 / 12 / Double(count)).squareRoot())
        let covariance = zip(values, values.dropFirst()).reduce(0) { $0 + ($1.0 - 0.5) * ($1.1 - 0.5) } / Double(count)
        #expect(abs(covariance * 12) < 4 / Double(count).squareRoot())
    }

    @Test("Integers below a bound are even, also for bounds that are no power of two", arguments: [1, 2, 3, 7, 10])
    func integers(bound: Int) {
        var stream = RandomStream(seed: 4, purpose: .tests)
        var counts = [Int](repeating: 0, count: bound)
        for _ in 0..<20_000 { counts[stream.integer(below: bound)] += 1 }
        let expected = 20_000 / Double(bound)
        let share = 1 / Double(bound)
        let tolerance = 4.5 * (20_000 * share * (1 - share)).squareRoot()
        #expect(counts.allSatisfy { abs(Double($0) - expected) <= tolerance }, "\(counts)")
    }

    @Test("Integers below a bound that nearly fills 64 bits stay below it")
    func largeBound() {
        var stream = RandomStream(seed: 4, purpose: .tests)
        let bound = Int.max / 3 * 2 + 1
        let values = (0..<1000).map { _ in stream.integer(below: bound) }
        #expect(values.allSatisfy { $0 >= 0 && $0 < bound })
        #expect(values.contains { $0 > bound / 4 * 3 } && values.contains { $0 < bound / 4 })
    }

    @Test("Normal numbers have mean 0, variance 1, no skew and kurtosis 3")
    func normal() {
        var stream = RandomStream(seed: 6, purpose: .tests)
        let count = 100_000
        let values = (0..<count).map { _ in stream.normal() }
        func moment(_ power: Int) -> Double {
            values.reduce(0) { sum, value in sum + (0..<power).reduce(1) { product, _ in product * value } }
                / Double(count)
        }
        // Four standard errors: sqrt(1, 2, 15, 96 / n).
        #expect(abs(moment(1)) < 4 * (1 / Double(count)).squareRoot())
        #expect(abs(moment(2) - 1) < 4 * (2 / Double(count)).squareRoot())
        #expect(abs(moment(3)) < 4 * (15 / Double(count)).squareRoot())
        #expect(abs(moment(4) - 3) < 4 * (96 / Double(count)).squareRoot())
    }

    @Test("Shuffling permutes, is seeded, and gives every order equally often")
    func shuffle() {
        var first = RandomStream(seed: 1, purpose: .tests)
        var again = RandomStream(seed: 1, purpose: .tests)
        var a = Array(0..<100)
        var b = a
        first.shuffle(&a)
        again.shuffle(&b)
        #expect(a == b && a != Array(0..<100) && a.sorted() == Array(0..<100))

        var orders: [[Int]: Int] = [:]
        for sample in 0..<24_000 {
            var stream = RandomStream(seed: 2, purpose: .tests, sample: sample)
            var values = [0, 1, 2, 3]
            stream.shuffle(&values)
            orders[values, default: 0] += 1
        }
        #expect(orders.count == 24)
        let chiSquare = orders.values.reduce(0.0) { $0 + (Double($1) - 1000) * (Double($1) - 1000) / 1000 }
        // 23 degrees of freedom: 99.99 % of draws lie below 57.
        #expect(chiSquare < 57)
        var empty: [Int] = []
        first.shuffle(&empty)
        #expect(empty.isEmpty)
    }
}
