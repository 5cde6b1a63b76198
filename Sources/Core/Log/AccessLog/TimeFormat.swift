import Glibc

/// A compiled `START_TIME` format: strftime's conversions plus fractions of a second.
///
/// | Written | Means |
/// | --- | --- |
/// | `%s` | whole seconds since 1970 |
/// | `%f`, `%1f` … `%9f` | nine, or so many, digits of the fraction, cut off |
/// | `%E3f`, `%E*f` | so many, or all needed (at least one), digits of the fraction |
/// | `%E3S`, `%E*S` | seconds with such a fraction |
/// | `%Ez`, `%E*z`, `%E4Y` | offset as +00:00, as +00:00:00; year of four digits |
struct TimeFormat: Sendable {
    enum Piece: Sendable {
        case literal(String)
        /// Conversions for strftime, ended by NUL.
        case strftime([CChar])
        case epochSeconds
        case fraction(digits: Int)
        case shortestFraction
        case secondsAndFraction(digits: Int)
        case secondsAndShortestFraction
        case offset(withSeconds: Bool)
        case year4
        case zoneName
    }

    /// `%START_TIME%` without an argument: `2026-01-31T12:00:00.123Z`.
    let isDefault: Bool
    private let isLocal: Bool
    private let pieces: [Piece]

    init(_ text: String, isLocal: Bool) {
        isDefault = text.isEmpty && !isLocal
        self.isLocal = isLocal
        pieces = Self.parse(text.isEmpty ? (isLocal ? "%Y-%m-%dT%H:%M:%E3S%z" : "%Y-%m-%dT%H:%M:%E3SZ") : text)
    }

    private static func parse(_ text: String) -> [Piece] {
        let bytes = Array(text.utf8)
        var pieces: [Piece] = []
        var plain: [UInt8] = []
        func endPlain() {
            guard !plain.isEmpty else { return }
            // Conversions that strftime does not know come out as they stand.
            pieces.append(
                plain.contains(UInt8(ascii: "%"))
                    ? .strftime((plain + [0]).map { CChar(bitPattern: $0) })
                    : .literal(String(decoding: plain, as: UTF8.self)))
            plain = []
        }
        var at = 0
        while at < bytes.count {
            if bytes[at] == UInt8(ascii: "%"), let (piece, length) = ours(bytes[(at + 1)...]) {
                endPlain()
                pieces.append(piece)
                at += 1 + length
            } else if bytes[at] == UInt8(ascii: "%"), at + 1 < bytes.count {
                plain += bytes[at...(at + 1)]
                at += 2
            } else if bytes[at] == UInt8(ascii: "%") {
                // A lone percent sign at the end: strftime would leave it to chance.
                plain += [bytes[at], bytes[at]]
                at += 1
            } else {
                plain.append(bytes[at])
                at += 1
            }
        }
        endPlain()
        return pieces
    }

    /// Conversions that strftime lacks or says otherwise. `rest` begins after the percent sign.
    private static func ours(_ rest: ArraySlice<UInt8>) -> (Piece, Int)? {
        let text = String(decoding: rest.prefix(4), as: UTF8.self)
        if text.hasPrefix("s") { return (.epochSeconds, 1) }
        if text.hasPrefix("f") { return (.fraction(digits: 9), 1) }
        if text.hasPrefix("Z") { return (.zoneName, 1) }
        if text.hasPrefix("E4Y") { return (.year4, 3) }
        if text.hasPrefix("Ez") { return (.offset(withSeconds: false), 2) }
        if text.hasPrefix("E*z") { return (.offset(withSeconds: true), 3) }
        if text.hasPrefix("E*S") { return (.secondsAndShortestFraction, 3) }
        if text.hasPrefix("E*f") { return (.shortestFraction, 3) }
        let first = rest.startIndex
        if rest.count >= 2, let digits = digit(rest[first]), digits > 0, rest[first + 1] == UInt8(ascii: "f") {
            return (.fraction(digits: digits), 2)
        }
        if rest.count >= 3, rest[first] == UInt8(ascii: "E"), let digits = digit(rest[first + 1]) {
            if rest[first + 2] == UInt8(ascii: "f") { return (.fraction(digits: digits), 3) }
            if rest[first + 2] == UInt8(ascii: "S") { return (.secondsAndFraction(digits: digits), 3) }
        }
        return nil
    }

    private static func digit(_ byte: UInt8) -> Int? {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") ? Int(byte - UInt8(ascii: "0")) : nil
    }

    // MARK: Output

    func write(wallNS: UInt64, to out: inout [UInt8], _ scratch: inout FormatScratch) {
        let second = wallNS / 1_000_000_000
        let nanos = wallNS % 1_000_000_000
        if isDefault {
            scratch.writeSecondPrefix(second, to: &out)
            out.appendPadded(nanos / 1_000_000, digits: 3)
            out.append(UInt8(ascii: "Z"))
            return
        }
        var seconds = time_t(truncatingIfNeeded: second)
        var parts = tm()
        if isLocal { localtime_r(&seconds, &parts) } else { gmtime_r(&seconds, &parts) }
        for piece in pieces { write(piece, &parts, second, nanos, to: &out) }
    }

    private func write(_ piece: Piece, _ parts: inout tm, _ second: UInt64, _ nanos: UInt64, to out: inout [UInt8]) {
        switch piece {
        case .literal(let text): out.append(contentsOf: text.utf8)
        case .strftime(let format):
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
                guard let base = buffer.baseAddress else { return }
                let count = strftime(base, buffer.count, format, &parts)
                out.append(contentsOf: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count]))
            }
        case .epochSeconds: out.appendDecimal(second)
        case .fraction(let digits): out.appendFraction(nanos, digits: digits)
        case .shortestFraction: out.appendShortestFraction(nanos, orZero: true)
        case .secondsAndFraction(let digits):
            out.appendPadded(UInt64(parts.tm_sec), digits: 2)
            if digits > 0 {
                out.append(UInt8(ascii: "."))
                out.appendFraction(nanos, digits: digits)
            }
        case .secondsAndShortestFraction:
            out.appendPadded(UInt64(parts.tm_sec), digits: 2)
            if nanos > 0 {
                out.append(UInt8(ascii: "."))
                out.appendShortestFraction(nanos, orZero: false)
            }
        case .offset(let withSeconds):
            let offset = parts.tm_gmtoff
            let size = UInt64(abs(offset))
            out.append(offset < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
            out.appendPadded(size / 3600, digits: 2)
            out.append(UInt8(ascii: ":"))
            out.appendPadded(size / 60 % 60, digits: 2)
            if withSeconds {
                out.append(UInt8(ascii: ":"))
                out.appendPadded(size % 60, digits: 2)
            }
        case .year4: out.appendPadded(UInt64(max(0, Int(parts.tm_year) + 1900)), digits: 4)
        case .zoneName:
            if isLocal, let zone = parts.tm_zone {
                out.append(contentsOf: UnsafeRawBufferPointer(start: zone, count: strlen(zone)))
            } else {
                out.append(contentsOf: "UTC".utf8)
            }
        }
    }
}
