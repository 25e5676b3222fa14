import Safetensors
import Testing

/// Rounding to float16 and bfloat16.
@Suite struct NarrowFloatTests {
    @Test func everyHalfIsRoundedToItself() {
        for bits in UInt16.min...UInt16.max {
            let value = Float(halfBits: bits)
            if value.isNaN {
                #expect(Float(halfBits: value.halfBits).isNaN)
            } else if value.halfBits != bits {
                Issue.record("\(bits) became \(value.halfBits)")
            }
        }
    }

    @Test func whatLiesBetweenTwoHalvesGoesToTheNearerAndToTheEvenOne() {
        for bits in UInt16(0)..<0x7BFF {
            let (low, high) = (Float(halfBits: bits), Float(halfBits: bits + 1))
            // Exact in float32.
            let middle = (low + high) / 2
            let even = bits.isMultiple(of: 2) ? bits : bits + 1
            guard middle.halfBits == even, middle.nextDown.halfBits == bits, middle.nextUp.halfBits == bits + 1,
                (-middle).halfBits == even | 0x8000
            else {
                Issue.record("\(low) … \(high)")
                return
            }
        }
        #expect(Float(65_504).halfBits == 0x7BFF && Float(65_519.99).halfBits == 0x7BFF)
        #expect(Float(65_520).halfBits == 0x7C00 && (-Float.greatestFiniteMagnitude).halfBits == 0xFC00)
        #expect(Float.infinity.halfBits == 0x7C00 && Float.leastNonzeroMagnitude.halfBits == 0)
    }

    @Test func brainFloatsAreRoundedToTheNearestAndToTheEvenOne() {
        for high in stride(from: UInt32(0), to: 0x7F80, by: 1) {
            let bits = UInt16(high)
            let low = Float(bitPattern: high << 16)
            let middle = Float(bitPattern: high << 16 | 0x8000)
            let even = bits.isMultiple(of: 2) ? bits : bits + 1
            guard low.brainBits == bits, middle.brainBits == even, middle.nextDown.brainBits == bits,
                middle.nextUp.brainBits == bits + 1, (-low).brainBits == bits | 0x8000
            else {
                Issue.record("\(low)")
                return
            }
        }
        #expect(Float.infinity.brainBits == 0x7F80 && Float.greatestFiniteMagnitude.brainBits == 0x7F80)
        #expect(Float(bitPattern: UInt32(Float.nan.brainBits) << 16).isNaN)
        // A NaN whose upper half alone would be infinity.
        #expect(Float(bitPattern: UInt32(Float(bitPattern: 0x7F80_0001).brainBits) << 16).isNaN)
    }
}
