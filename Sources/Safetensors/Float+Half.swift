extension Float {
    /// IEEE binary16 to binary32; every half is a float. (Float16 does not exist on every platform of Swift.)
    package init(halfBits bits: UInt16) {
        let sign: Float = bits >> 15 == 0 ? 1 : -1
        let exponent = Int(bits >> 10 & 0x1f)
        let fraction = Float(bits & 0x3ff)
        self =
            switch exponent {
            case 0: sign * fraction * 0x1p-24
            case 31: fraction == 0 ? sign * .infinity : .nan
            default: sign * Float(sign: .plus, exponent: exponent - 15, significand: 1 + fraction / 1024)
            }
    }
}

extension Float {
    /// The nearest IEEE binary16, of two equally near ones the even one; what is too large becomes infinite.
    package var halfBits: UInt16 {
        let sign = UInt16(truncatingIfNeeded: bitPattern >> 16) & 0x8000
        let magnitude = bitPattern & 0x7FFF_FFFF
        if magnitude > 0x7F80_0000 { return sign | 0x7E00 }
        // 65520 and more round to infinity.
        if magnitude >= 0x477F_F000 { return sign | 0x7C00 }
        if magnitude >= 0x3880_0000 {
            // The exponent's bias becomes 15; rounding may carry into the exponent, as it should.
            let rebased = magnitude - (112 << 23)
            return sign | UInt16(truncatingIfNeeded: (rebased + 0xFFF + (rebased >> 13 & 1)) >> 13)
        }
        // Multiples of 2⁻²⁴, which the addition rounds to: 0.5 has them as its last place.
        let rounded = Float(bitPattern: magnitude) + 0.5
        return sign | UInt16(truncatingIfNeeded: rounded.bitPattern - Float(0.5).bitPattern)
    }

    /// The nearest bfloat16, of two equally near ones the even one.
    package var brainBits: UInt16 {
        if isNaN { return UInt16(truncatingIfNeeded: bitPattern >> 16) | 0x40 }
        return UInt16(truncatingIfNeeded: (bitPattern &+ 0x7FFF &+ (bitPattern >> 16 & 1)) >> 16)
    }
}
