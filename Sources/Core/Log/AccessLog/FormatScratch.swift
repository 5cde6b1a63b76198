import CoreBytes
import Glibc

/// What a writer keeps between records: the formatted second, the random source, room for one address.
struct FormatScratch {
    var random: FastRandom
    private var second: UInt64 = .max
    /// `2026-01-31T12:00:00.` of `second`.
    private var prefix: [UInt8] = []

    init(random: FastRandom) { self.random = random }

    /// Most records of a busy log start within the same second: format it once.
    mutating func writeSecondPrefix(_ wanted: UInt64, to out: inout [UInt8]) {
        if wanted != second {
            var seconds = time_t(truncatingIfNeeded: wanted)
            var parts = tm()
            gmtime_r(&seconds, &parts)
            prefix.removeAll(keepingCapacity: true)
            prefix.appendPadded(UInt64(max(0, Int(parts.tm_year) + 1900)), digits: 4)
            for (separator, number) in [
                ("-", Int(parts.tm_mon) + 1), ("-", Int(parts.tm_mday)), ("T", Int(parts.tm_hour)),
                (":", Int(parts.tm_min)), (":", Int(parts.tm_sec)),
            ] {
                prefix.append(contentsOf: separator.utf8)
                prefix.appendPadded(UInt64(number), digits: 2)
            }
            prefix.append(UInt8(ascii: "."))
            second = wanted
        }
        out.append(contentsOf: prefix)
    }

    /// A random UUID (version 4) in its usual spelling.
    mutating func writeUUID(to out: inout [UInt8]) {
        var high = random.next()
        var low = random.next()
        high = (high & ~0xF000) | 0x4000
        low = (low & ~(0b11 << 62)) | (0b10 << 62)
        for index in 0..<32 {
            if index == 8 || index == 12 || index == 16 || index == 20 { out.append(UInt8(ascii: "-")) }
            let word = index < 16 ? high : low
            let nibble = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (index & 15))) & 0xF
            out.append(nibble < 10 ? nibble + UInt8(ascii: "0") : nibble - 10 + UInt8(ascii: "a"))
        }
    }
}
