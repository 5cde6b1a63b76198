/// The log-linear bins of a histogram: 90 per power of ten, so a value is kept to two significant digits.
///
/// A bin is known by a small index: 0 for the value zero, then `decade * 90 + (digits - 10) + 1`, where `digits` are
/// the two leading decimal digits (10 … 99) and `decade` is the number of digits less one. The same bins as Envoy's,
/// so that quantiles and bucket counts come out alike.
enum HistogramBin {
    static let powers: [20 of UInt64] = [
        1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000,
        100_000_000_000, 1_000_000_000_000, 10_000_000_000_000, 100_000_000_000_000, 1_000_000_000_000_000,
        10_000_000_000_000_000, 100_000_000_000_000_000, 1_000_000_000_000_000_000, 10_000_000_000_000_000_000,
    ]

    @inline(__always)
    static func index(of value: UInt64) -> Int {
        if value < 10 { return value == 0 ? 0 : Int(value) * 10 - 10 + 1 }
        if value < 100 { return 90 + Int(value) - 10 + 1 }
        // 1233/4096 approximates log10(2); the guess is never low and at most one too high.
        let bits = 64 - value.leadingZeroBitCount
        var decade = (bits &* 1233) >> 12
        if value < powers[decade] { decade -= 1 }
        let digits = Int(truncatingIfNeeded: value / powers[decade - 1])
        return decade * 90 + digits - 10 + 1
    }

    /// The least value in the bin. Worked out as Envoy does (units of ten first), so that prints agree to the digit.
    static func lowerBound(_ index: Int) -> Double {
        guard index > 0 else { return 0 }
        let (decade, rest) = (index - 1).quotientAndRemainder(dividingBy: 90)
        return Double(rest + 10) / 10 * Double(powers[decade])
    }

    static func width(_ index: Int) -> Double {
        guard index > 0 else { return 0 }
        return Double(powers[(index - 1) / 90]) / 10
    }
}
