// Bodies: fixed length and chunked (RFC 9112 §6, §7.1).

extension HTTP1Decoder {
    mutating func fixedBody(_ window: borrowing Span<UInt8>) -> HTTP1Event {
        let taken = min(window.count, remaining)
        if taken == 0 { return .needMore }
        remaining &-= taken
        if remaining == 0 { state = .endOfMessage }
        consumedBytes = taken
        return .bodyBytes(ByteRange(0, count: taken))
    }

    mutating func chunkData(_ window: borrowing Span<UInt8>) -> HTTP1Event {
        chunkBytes(window, from: 0)
    }

    private mutating func chunkBytes(_ window: borrowing Span<UInt8>, from start: Int) -> HTTP1Event {
        let taken = min(window.count &- start, remaining)
        remaining &-= taken
        if remaining == 0 { state = .chunkDataReturn }
        consumedBytes = start &+ taken
        return .bodyBytes(ByteRange(start, count: taken))
    }

    /// Chunk lines and the CRLF after chunk data, byte by byte: there are few of them. Every byte is used at once, so the
    /// caller keeps none.
    mutating func chunkFraming(_ window: borrowing Span<UInt8>) throws(HTTP1DecodeError) -> HTTP1Event {
        let size = window.count
        var index = 0
        var state = self.state
        while index < size {
            let byte = window[index]
            switch state {
            case .chunkSize:
                let digit = Self.hexDigit(byte)
                if digit < 16 {
                    // Fifteen digits cannot overflow; leading zeros count, so a size is bounded in length too.
                    guard chunkDigits < 15 else { throw .badChunkSize(at: index) }
                    chunkDigits &+= 1
                    remaining = remaining << 4 | Int(digit)
                } else {
                    guard chunkDigits > 0 else { throw .badChunkSize(at: index) }
                    switch byte {
                    case 0x0d: state = .chunkLineFeed
                    case 0x3b: state = .chunkExtension
                    case 0x0a: throw .bareLineFeed(at: index)
                    default: throw .badChunkSize(at: index)
                    }
                }
            case .chunkExtension, .chunkExtensionName, .chunkExtensionValue, .chunkExtensionToken,
                .chunkExtensionQuoted, .chunkExtensionEscape, .chunkExtensionQuotedEnd:
                extensionBytes &+= 1
                guard extensionBytes <= limits.chunkExtensionBytes else {
                    throw .chunkExtensionsTooLarge(limit: limits.chunkExtensionBytes)
                }
                state = try Self.afterExtensionByte(byte, state, index)
            case .chunkLineFeed:
                guard byte == 0x0a else { throw .bareCarriageReturn(at: index) }
                if remaining == 0 {
                    self.state = .trailers
                    phase = .first
                    scanned = 0
                    sectionBytes = 0
                    count = 0
                    consumedBytes = index &+ 1
                    return trailersAfterLastChunk(window)
                }
                state = .chunkData
            case .chunkData:
                self.state = state
                return chunkBytes(window, from: index)
            case .chunkDataReturn:
                guard byte == 0x0d else { throw .badChunkEnd(at: index) }
                state = .chunkDataLineFeed
            case .chunkDataLineFeed:
                guard byte == 0x0a else { throw .badChunkEnd(at: index) }
                state = .chunkSize
                remaining = 0
                chunkDigits = 0
            default: preconditionFailure("Only chunk states come here.")
            }
            index &+= 1
        }
        self.state = state
        consumedBytes = size
        return .needMore
    }

    /// The usual end, CRLF right after the last chunk, without another call.
    private mutating func trailersAfterLastChunk(_ window: borrowing Span<UInt8>) -> HTTP1Event {
        let rest = window.count &- consumedBytes
        if rest >= 2, window[consumedBytes] == 0x0d, window[consumedBytes &+ 1] == 0x0a {
            consumedBytes &+= 2
            return endMessage()
        }
        return .skipped
    }

    /// `;` name [`=` (token / quoted-string)], without the white space that RFC 9112 §7.1.1 calls bad.
    private static func afterExtensionByte(
        _ byte: UInt8, _ state: State, _ index: Int
    ) throws(HTTP1DecodeError) -> State {
        let isToken = ByteClass.has(byte, ByteClass.token)
        switch state {
        case .chunkExtension:
            if isToken { return .chunkExtensionName }
        case .chunkExtensionName:
            if isToken { return .chunkExtensionName }
            if byte == 0x3d { return .chunkExtensionValue }
            if byte == 0x3b { return .chunkExtension }
            if byte == 0x0d { return .chunkLineFeed }
        case .chunkExtensionValue:
            if isToken { return .chunkExtensionToken }
            if byte == 0x22 { return .chunkExtensionQuoted }
        case .chunkExtensionToken:
            if isToken { return .chunkExtensionToken }
            if byte == 0x3b { return .chunkExtension }
            if byte == 0x0d { return .chunkLineFeed }
        case .chunkExtensionQuoted:
            if byte == 0x22 { return .chunkExtensionQuotedEnd }
            if byte == 0x5c { return .chunkExtensionEscape }
            if ByteClass.has(byte, ByteClass.value) { return .chunkExtensionQuoted }
        case .chunkExtensionEscape:
            if ByteClass.has(byte, ByteClass.value) { return .chunkExtensionQuoted }
        default:
            if byte == 0x3b { return .chunkExtension }
            if byte == 0x0d { return .chunkLineFeed }
        }
        throw byte == 0x0a ? .bareLineFeed(at: index) : .badChunkExtension(at: index)
    }

    @inline(__always)
    private static func hexDigit(_ byte: UInt8) -> UInt8 {
        let digit = byte &- 0x30
        if digit < 10 { return digit }
        let letter = (byte | 0x20) &- 0x61
        return letter < 6 ? letter &+ 10 : 255
    }
}
