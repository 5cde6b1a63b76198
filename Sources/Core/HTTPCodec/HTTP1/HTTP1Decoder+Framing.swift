// What the framing fields mean: RFC 9112 §6, §9.3, RFC 9110 §7.2, §7.6.1, §7.8, §10.1.1.

extension HTTP1Decoder {
    /// Takes note of a field that changes framing or the connection.
    mutating func note(_ field: HTTP1Field, _ window: borrowing Span<UInt8>) throws(HTTP1DecodeError) {
        let range = field.value.range
        switch field.id {
        case .contentLength:
            guard !seen.contains(.length) else { throw .repeatedContentLength(at: range.lowerBound) }
            guard !seen.contains(.chunked) else { throw .lengthAndTransferEncoding(at: range.lowerBound) }
            contentLength = try Self.length(window, range)
            seen.insert(.length)
        case .transferEncoding:
            guard !seen.contains(.chunked) else { throw .repeatedTransferEncoding(at: range.lowerBound) }
            guard !seen.contains(.length) else { throw .lengthAndTransferEncoding(at: range.lowerBound) }
            guard minorVersion == 1 else { throw .transferEncodingBeforeHTTP11(at: range.lowerBound) }
            guard Self.equals(window, range, "chunked") else { throw Self.codingError(window, range) }
            seen.insert(.chunked)
        case .connection: try connection(window, range)
        case .host where role == .requests:
            guard !seen.contains(.host) else { throw .repeatedHost(at: range.lowerBound) }
            guard AuthorityRule.holds(window, range.lowerBound, range.upperBound, portRequired: false) else {
                throw .badHost(at: range.lowerBound)
            }
            seen.insert(.host)
        case .expect:
            if Self.equals(window, range, "100-continue") {
                seen.insert(.expectContinue)
            } else {
                seen.insert(.unknownExpectation)
            }
        case .upgrade where !range.isEmpty: seen.insert(.upgradeField)
        default: break
        }
    }

    /// 1*DIGIT that fits (RFC 9110 §8.6). A list of equal values is refused: peers disagree about which one counts.
    private static func length(_ window: borrowing Span<UInt8>, _ range: Range<Int>) throws(HTTP1DecodeError) -> Int {
        guard !range.isEmpty else { throw .badContentLength(at: range.lowerBound) }
        var value = 0
        for index in range {
            let digit = window[index] &- 0x30
            guard digit < 10 else { throw .badContentLength(at: index) }
            let (product, over) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int(digit))
            guard !over, !carry else { throw .badContentLength(at: index) }
            value = sum
        }
        return value
    }

    /// A well-formed list of other codings is "not implemented"; anything else is malformed.
    @inline(never)
    private static func codingError(_ window: borrowing Span<UInt8>, _ range: Range<Int>) -> HTTP1DecodeError {
        guard !range.isEmpty else { return .badTransferEncoding(at: range.lowerBound) }
        for index in range {
            let byte = window[index]
            guard ByteClass.has(byte, ByteClass.token), (byte | 0x20) != 0x7f else {
                return .badTransferEncoding(at: index)
            }
        }
        return .unsupportedTransferCoding(at: range.lowerBound)
    }

    /// Compares ignoring the case of letters; `text` is lower-case.
    static func equals(_ window: borrowing Span<UInt8>, _ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        let expected = unsafe UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        for offset in 0..<range.count {
            let byte = window[range.lowerBound &+ offset]
            let lower = byte &- 0x41 < 26 ? byte | 0x20 : byte
            if unsafe lower != expected[offset] { return false }
        }
        return true
    }

    /// `#connection-option`: tokens between commas; empty elements are allowed (RFC 9110 §5.6.1).
    private mutating func connection(_ window: borrowing Span<UInt8>, _ range: Range<Int>) throws(HTTP1DecodeError) {
        var index = range.lowerBound
        let end = range.upperBound
        while index < end {
            while index < end, window[index] == 0x20 || window[index] == 0x09 { index &+= 1 }
            let start = index
            while index < end, ByteClass.has(window[index], ByteClass.token) { index &+= 1 }
            let token = start..<index
            while index < end, window[index] == 0x20 || window[index] == 0x09 { index &+= 1 }
            guard index == end || window[index] == 0x2c else { throw .badConnection(at: index) }
            index &+= 1
            switch token.count {
            case 5 where Self.equals(window, token, "close"): seen.insert(.close)
            case 10 where Self.equals(window, token, "keep-alive"): seen.insert(.keepAlive)
            case 7 where Self.equals(window, token, "upgrade"): seen.insert(.upgradeToken)
            default: break
            }
        }
    }

    /// Decides the body's framing and the connection's future.
    mutating func endHead() throws(HTTP1DecodeError) -> HTTP1HeadEnd {
        sectionBytes = 0
        count = 0
        var flags = HTTP1HeadEnd.Flags()
        let upgrade = minorVersion == 1 && seen.contains([.upgradeField, .upgradeToken])
        if upgrade { flags.insert(.upgrade) }
        closesAfter = seen.contains(.close) || (minorVersion == 0 && !seen.contains(.keepAlive))
        let framing = role == .requests ? try requestFraming(&flags) : try responseFraming(&flags)
        if !closesAfter { flags.insert(.keepAlive) }

        switch framing {
        case .none: state = flags.contains(.interim) ? .start : .endOfMessage
        case .length(let bytes):
            remaining = bytes
            state = bytes == 0 ? .endOfMessage : .fixedBody
        case .chunked:
            remaining = 0
            chunkDigits = 0
            state = .chunkSize
        case .untilClose: state = .bodyUntilClose
        case .tunnel: state = .tunnel
        }
        return HTTP1HeadEnd(framing: framing, flags: flags)
    }

    private mutating func requestFraming(_ flags: inout HTTP1HeadEnd.Flags) throws(HTTP1DecodeError) -> HTTP1Framing {
        if minorVersion == 1, !seen.contains(.host) { throw .missingHost(at: 0) }
        if minorVersion == 1, seen.contains(.unknownExpectation) { flags.insert(.unknownExpectation) }
        if method == .connect {
            // Bytes after the head already belong to the tunnel: a framed body here would be a smuggled request there.
            guard !seen.contains(.length), !seen.contains(.chunked) else { throw .bodyNotAllowed(at: 0) }
            closesAfter = true
            return .tunnel
        }
        let framing: HTTP1Framing =
            seen.contains(.chunked) ? .chunked : seen.contains(.length) ? .length(contentLength) : .none
        if method == .trace, framing != .none, framing != .length(0) { throw .bodyNotAllowed(at: 0) }
        if minorVersion == 1, seen.contains(.expectContinue), framing != .none, framing != .length(0) {
            flags.insert(.expectContinue)
        }
        return framing
    }

    private mutating func responseFraming(_ flags: inout HTTP1HeadEnd.Flags) throws(HTTP1DecodeError) -> HTTP1Framing {
        if status == 101 {
            guard seen.contains(.upgradeField) else { throw .badStatusLine(at: 0) }
            closesAfter = true
            return .tunnel
        }
        if status < 200 {
            // RFC 9112 §6.3 (1) ends these at the head; a length here is a trap for the next hop.
            guard !seen.contains(.chunked), contentLength == 0 else { throw .bodyNotAllowed(at: 0) }
            flags.insert(.interim)
            closesAfter = false
            return .none
        }
        if method == .connect, status < 300 {
            closesAfter = true
            return .tunnel
        }
        if status == 204 {
            guard !seen.contains(.chunked), contentLength == 0 else { throw .bodyNotAllowed(at: 0) }
            return .none
        }
        if method == .head || status == 304 { return .none }
        if seen.contains(.chunked) { return .chunked }
        if seen.contains(.length) { return .length(contentLength) }
        closesAfter = true
        return .untilClose
    }
}
