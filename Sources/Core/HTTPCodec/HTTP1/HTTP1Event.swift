// What the HTTP/1 decoder yields: small trivial values, ranges as byte offsets into the window of the call.

/// A range of bytes in the window.
public struct ByteRange: Equatable, Sendable {
    public let start: UInt32
    public let count: UInt32

    @inlinable @inline(__always)
    public init(_ start: Int, count: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.count = UInt32(truncatingIfNeeded: count)
    }

    @inlinable @inline(__always)
    public var range: Range<Int> { Int(start)..<Int(start) &+ Int(count) }
}

/// How a request names its target (RFC 9112 §3.2).
public enum HTTP1TargetForm: UInt8, Sendable { case origin, absolute, authority, asterisk }

public struct HTTP1RequestLine: Equatable, Sendable {
    public let methodName: ByteRange
    public let target: ByteRange
    public let method: HTTP1Method
    public let form: HTTP1TargetForm
    /// 0 or 1, of HTTP/1.x.
    public let minorVersion: UInt8
}

public struct HTTP1StatusLine: Equatable, Sendable {
    public let reason: ByteRange
    public let status: UInt16
    public let minorVersion: UInt8
}

/// One field line. The value has no surrounding white space.
public struct HTTP1Field: Equatable, Sendable {
    public let name: ByteRange
    public let value: ByteRange
    public let id: HeaderName
}

/// How the body of a message is delimited (RFC 9112 §6.3).
public enum HTTP1Framing: Equatable, Sendable {
    case none
    case length(Int)
    case chunked
    /// Responses only: the body ends with the connection; see ``HTTP1Decoder/finish()``.
    case untilClose
    /// CONNECT, or a switched protocol: every later byte is `.tunnelBytes`.
    case tunnel
}

public struct HTTP1HeadEnd: Equatable, Sendable {
    public struct Flags: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// The connection may carry another message after this one, as far as this peer is concerned.
        public static let keepAlive = Flags(rawValue: 1)
        /// `Expect: 100-continue` of an HTTP/1.1 request with a body.
        public static let expectContinue = Flags(rawValue: 2)
        /// An expectation other than 100-continue: a server may answer 417.
        public static let unknownExpectation = Flags(rawValue: 4)
        /// `Upgrade` that `Connection` names.
        public static let upgrade = Flags(rawValue: 8)
        /// A 1xx response other than 101; the final response is still to come.
        public static let interim = Flags(rawValue: 16)
    }

    public let framing: HTTP1Framing
    public let flags: Flags
    public var keepAlive: Bool { flags.contains(.keepAlive) }
}

/// The order of one message: start line, fields, `headEnd`, body bytes and trailers as they come, `messageEnd`.
public enum HTTP1Event: Equatable, Sendable {
    /// Nothing complete: keep the bytes from ``HTTP1Decoder/consumedBytes`` on and call again when there are more.
    case needMore
    /// Bytes without meaning were used up (an empty line before a request, the line of the last chunk): call again.
    case skipped
    case requestLine(HTTP1RequestLine)
    case statusLine(HTTP1StatusLine)
    case field(HTTP1Field)
    case headEnd(HTTP1HeadEnd)
    case bodyBytes(ByteRange)
    case trailer(HTTP1Field)
    case messageEnd
    case tunnelBytes(ByteRange)
}
