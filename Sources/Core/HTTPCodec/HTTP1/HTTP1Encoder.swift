// Writes HTTP/1 heads and chunks into a byte buffer. Framing fields are the caller's choice through `HTTP1Framing`, so that
// a length and a coding can never both be written.

/// Where encoded bytes go. Conforming types only append.
public protocol HTTP1Output: ~Copyable {
    mutating func append(_ byte: UInt8)
    mutating func append(_ bytes: borrowing Span<UInt8>)
}

extension Array: HTTP1Output where Element == UInt8 {
    @inlinable
    public mutating func append(_ bytes: borrowing Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}

/// Why a head was not written. The output then holds a part of it: drop the message.
public enum HTTP1EncodeError: Error, Equatable, Sendable {
    /// A method, target, reason or header that would break the line it stands in.
    case badMethod, badTarget, badReason, badName, badValue
    case badStatus
}

/// Encoder for HTTP/1.1 messages. Stateless: no date cache, no connection state.
///
/// - Fields whose meaning is framing (`content-length`, `transfer-encoding`) are never copied from a map; they come from
///   the framing given.
/// - Everything is checked on the way out: a value with a line break cannot become two headers.
/// - Source: RFC 9112 §3, §4, §5, §6, §7.1.
public enum HTTP1Encoder {
    public static func requestHead<Output: HTTP1Output & ~Copyable>(
        method: borrowing Span<UInt8>, target: borrowing Span<UInt8>, headers: borrowing HeaderMap,
        framing: HTTP1Framing,
        into output: inout Output
    ) throws(HTTP1EncodeError) {
        guard method.count > 0, ByteScan.endOfToken(method, from: 0) == method.count else { throw .badMethod }
        guard target.count > 0, ByteScan.endOfTarget(target, from: 0) == target.count else { throw .badTarget }
        output.append(method)
        output.append(0x20)
        output.append(target)
        put(" HTTP/1.1\r\n", &output)
        try fields(headers, framing, &output)
    }

    /// - Parameter reason: empty for the registered phrase of `status`.
    public static func responseHead<Output: HTTP1Output & ~Copyable>(
        status: Int, reason: borrowing Span<UInt8>, headers: borrowing HeaderMap, framing: HTTP1Framing,
        into output: inout Output
    ) throws(HTTP1EncodeError) {
        guard status >= 100, status <= 999 else { throw .badStatus }
        guard ByteScan.endOfValue(reason, from: 0) == reason.count else { throw .badReason }
        put("HTTP/1.1 ", &output)
        decimal(status, &output)
        output.append(0x20)
        if reason.count > 0 { output.append(reason) } else { put(HTTP1Reason.phrase(status), &output) }
        put("\r\n", &output)
        try fields(headers, framing, &output)
    }

    /// One chunk. An empty one writes nothing: on the wire it would end the body.
    public static func chunk<Output: HTTP1Output & ~Copyable>(
        _ bytes: borrowing Span<UInt8>, into output: inout Output
    ) {
        guard bytes.count > 0 else { return }
        chunkHead(bytes.count, into: &output)
        output.append(bytes)
        put("\r\n", &output)
    }

    /// The line before `count` bytes that the caller writes itself, followed by a CRLF that it also writes.
    public static func chunkHead<Output: HTTP1Output & ~Copyable>(_ count: Int, into output: inout Output) {
        precondition(count > 0, "An empty chunk would end the body.")
        var shift = (63 - count.leadingZeroBitCount) / 4 * 4
        while shift >= 0 {
            let digit = UInt8(truncatingIfNeeded: count >> shift) & 15
            output.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
            shift -= 4
        }
        put("\r\n", &output)
    }

    /// The last chunk without trailers.
    public static func lastChunk<Output: HTTP1Output & ~Copyable>(into output: inout Output) {
        put("0\r\n\r\n", &output)
    }

    /// The last chunk and a trailer section.
    public static func lastChunk<Output: HTTP1Output & ~Copyable>(
        trailers: borrowing HeaderMap, into output: inout Output
    ) throws(HTTP1EncodeError) {
        put("0\r\n", &output)
        try fields(trailers, .none, &output)
    }

    private static func fields<Output: HTTP1Output & ~Copyable>(
        _ headers: borrowing HeaderMap, _ framing: HTTP1Framing, _ output: inout Output
    ) throws(HTTP1EncodeError) {
        for index in 0..<headers.count {
            let id = headers.id(at: index)
            // Pseudo-headers belong to HTTP/2, framing to the argument.
            if id == .contentLength || id == .transferEncoding || id.isPseudo { continue }
            let goodName = headers.withName(at: index) { name in
                guard name.count > 0, ByteScan.endOfToken(name, from: 0) == name.count else { return false }
                output.append(name)
                return true
            }
            guard goodName else { throw .badName }
            put(": ", &output)
            let goodValue = headers.withValue(at: index) { value in
                guard ByteScan.endOfValue(value, from: 0) == value.count else { return false }
                output.append(value)
                return true
            }
            guard goodValue else { throw .badValue }
            put("\r\n", &output)
        }
        switch framing {
        case .length(let bytes):
            put("content-length: ", &output)
            decimal(bytes, &output)
            put("\r\n\r\n", &output)
        case .chunked: put("transfer-encoding: chunked\r\n\r\n", &output)
        case .none, .untilClose, .tunnel: put("\r\n", &output)
        }
    }

    private static func put<Output: HTTP1Output & ~Copyable>(_ text: StaticString, _ output: inout Output) {
        let bytes = unsafe UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        output.append(unsafe Span(_unsafeElements: bytes))
    }

    private static func decimal<Output: HTTP1Output & ~Copyable>(_ value: Int, _ output: inout Output) {
        precondition(value >= 0, "Lengths and codes are not negative.")
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var start = 20
        var rest = value
        repeat {
            start -= 1
            digits[start] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        output.append(digits.span.extracting(start..<20))
    }
}
