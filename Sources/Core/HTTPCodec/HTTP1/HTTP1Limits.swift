// Bounds of one HTTP/1 message. Crossing one is an error, never a truncation.

public struct HTTP1Limits: Sendable, Equatable {
    /// Request line or status line, with its CRLF.
    public var startLineBytes = 16 * 1024
    /// Start line and all field lines of a head, with the empty line.
    public var headBytes = 60 * 1024
    public var headerCount = 100
    /// Trailer section, with the empty line.
    public var trailerBytes = 8 * 1024
    public var trailerCount = 32
    /// All chunk extensions of one body together, so that a body of one-byte chunks cannot hide a flood in them.
    public var chunkExtensionBytes = 4 * 1024

    public init() {}
}
