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
