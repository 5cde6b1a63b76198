import Glibc

/// Text straight into a byte buffer: no `String` is made for a record.
extension [UInt8] {
    mutating func appendDecimal(_ value: UInt64) {
        if value < 10 {
            append(UInt8(truncatingIfNeeded: value) + UInt8(ascii: "0"))
            return
        }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { buffer in
            var rest = value
            var at = 20
            while rest > 0 {
                let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
                at -= 1
                buffer[at] = UInt8(truncatingIfNeeded: digit) + UInt8(ascii: "0")
                rest = quotient
            }
            append(contentsOf: UnsafeBufferPointer(rebasing: UnsafeBufferPointer(buffer)[at..<20]))
        }
    }

    mutating func appendDecimal(_ value: Int) {
        if value < 0 { append(UInt8(ascii: "-")) }
        appendDecimal(UInt64(value.magnitude))
    }

    /// With leading zeros, at least `digits` long.
    mutating func appendPadded(_ value: UInt64, digits: Int) {
        var bound: UInt64 = 1
        for _ in 1..<Swift.max(1, digits) { bound *= 10 }
        while bound > 1, value < bound {
            append(UInt8(ascii: "0"))
            bound /= 10
        }
        appendDecimal(value)
    }

    /// The first `digits` digits of a fraction of a second.
    mutating func appendFraction(_ nanos: UInt64, digits: Int) {
        guard digits > 0 else { return }
        var rest = nanos
        for _ in digits..<9 where digits < 9 { rest /= 10 }
        appendPadded(rest, digits: Swift.min(digits, 9))
    }

    /// All digits of the fraction but trailing zeros.
    mutating func appendShortestFraction(_ nanos: UInt64, orZero: Bool) {
        if nanos == 0 {
            if orZero { append(UInt8(ascii: "0")) }
            return
        }
        var rest = nanos
        var digits = 9
        while rest % 10 == 0 {
            rest /= 10
            digits -= 1
        }
        appendPadded(rest, digits: digits)
    }

    /// As ``SocketAddress/description``, or without the port.
    mutating func append(_ address: SocketAddress, withPort: Bool) {
        switch address {
        case .v4(let number, let port):
            appendDecimal(UInt64(number >> 24))
            for shift in [UInt32(16), 8, 0] {
                append(UInt8(ascii: "."))
                appendDecimal(UInt64((number >> shift) & 0xFF))
            }
            if withPort { appendPort(port) }
        case .v6(let high, let low, let port, let scope):
            if withPort { append(UInt8(ascii: "[")) }
            appendIPv6(high, low)
            if scope != 0 {
                append(UInt8(ascii: "%"))
                appendDecimal(UInt64(scope))
            }
            if withPort {
                append(UInt8(ascii: "]"))
                appendPort(port)
            }
        case .unix(let path): append(contentsOf: path.utf8)
        }
    }

    private mutating func appendPort(_ port: UInt16) {
        append(UInt8(ascii: ":"))
        appendDecimal(UInt64(port))
    }

    private mutating func appendIPv6(_ high: UInt64, _ low: UInt64) {
        var halves = (high.bigEndian, low.bigEndian)
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
            guard let base = buffer.baseAddress,
                inet_ntop(AF_INET6, &halves, base, socklen_t(buffer.count)) != nil
            else { return }
            append(contentsOf: UnsafeRawBufferPointer(start: base, count: strlen(base)))
        }
    }
}
