// Durations as proto3 JSON writes them: seconds with up to nine decimals and the unit s.
package import SwiftProtobuf

enum DurationText {
    /// The largest number of seconds that a Duration may have.
    static let maxSeconds: Int64 = 315_576_000_000

    static func parse(_ text: String) -> (seconds: Int64, nanos: Int32)? {
        guard text.hasSuffix("s") else { return nil }
        var digits = text.dropLast()
        let isNegative = digits.hasPrefix("-")
        if isNegative { digits = digits.dropFirst() }
        let parts = digits.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, isDigits(whole), let seconds = Int64(whole), seconds <= maxSeconds else {
            return nil
        }
        var nanos: Int32 = 0
        if parts.count == 2 {
            let fraction = parts[1]
            guard isDigits(fraction), fraction.count <= 9,
                let value = Int32(fraction + String(repeating: "0", count: 9 - fraction.count))
            else { return nil }
            nanos = value
        }
        return isNegative ? (-seconds, -nanos) : (seconds, nanos)
    }

    private static func isDigits(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 >= 48 && $0 <= 57 }
    }

    /// What was meant by forms that are not durations here: 5, .25s, 250ms, 2m, 1h.
    static func suggestion(for text: String) -> String? {
        if let number = Double(text) { return number.isFinite && number >= 0 ? "\(text)s" : nil }
        for (unit, factor) in [("ms", 0.001), ("us", 0.000_001), ("m", 60.0), ("h", 3600.0), ("s", 1.0)]
        where text.hasSuffix(unit) {
            guard let number = Double(text.dropLast(unit.count)), number.isFinite, number >= 0, number < 1e9 else {
                return nil
            }
            let seconds = number * factor
            return seconds == seconds.rounded() ? "\(Int64(seconds))s" : "\(seconds)s"
        }
        return nil
    }

    /// The canonical text: no decimals, or three, six or nine.
    static func format(seconds: Int64, nanos: Int32) -> String {
        var out = seconds < 0 || nanos < 0 ? "-" : ""
        out += "\(seconds.magnitude)"
        if nanos != 0 {
            var digits = String(nanos.magnitude)
            digits = String(repeating: "0", count: max(0, 9 - digits.count)) + digits
            while digits.hasSuffix("000") { digits.removeLast(3) }
            out += "." + digits
        }
        return out + "s"
    }
}

extension Google_Protobuf_Duration {
    /// In milliseconds, fractions rounded up so that a short but positive time never becomes zero; within ±2^62.
    package var milliseconds: Int {
        let bounded = min(max(seconds, -DurationText.maxSeconds), DurationText.maxSeconds)
        let up = nanos > 0 ? (Int(nanos) + 999_999) / 1_000_000 : Int(nanos) / 1_000_000
        return Int(bounded) * 1_000 + up
    }

    /// In seconds.
    package var inSeconds: Double { Double(seconds) + Double(nanos) / 1e9 }
}
