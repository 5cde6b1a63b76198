// What is wrong with the bytes of a peer, where, and against which limit.

/// `at` is an offset into the window of the call that threw. After a throw the stream cannot be resynchronised: answer with
/// ``status`` if this side is the server, then close.
public enum HTTP1DecodeError: Error, Equatable, Sendable {
    // Start line
    case badMethod(at: Int), badTarget(at: Int), badVersion(at: Int), badStatusLine(at: Int)
    case unsupportedVersion(at: Int)
    case startLineTooLong(limit: Int)
    // Lines
    case bareCarriageReturn(at: Int), bareLineFeed(at: Int)
    // Fields
    case badFieldName(at: Int), badFieldValue(at: Int), whitespaceBeforeColon(at: Int), obsoleteFold(at: Int)
    case headTooLarge(limit: Int), tooManyHeaders(limit: Int)
    // Framing
    case badContentLength(at: Int), repeatedContentLength(at: Int)
    case badTransferEncoding(at: Int), repeatedTransferEncoding(at: Int), unsupportedTransferCoding(at: Int)
    case lengthAndTransferEncoding(at: Int), transferEncodingBeforeHTTP11(at: Int), bodyNotAllowed(at: Int)
    case badConnection(at: Int)
    case missingHost(at: Int), repeatedHost(at: Int), badHost(at: Int)
    // Chunks
    case badChunkSize(at: Int), badChunkExtension(at: Int), badChunkEnd(at: Int)
    case chunkExtensionsTooLarge(limit: Int)
    case trailersTooLarge(limit: Int), tooManyTrailers(limit: Int), forbiddenTrailer(at: Int)
    // Stream
    case truncated, unsolicitedResponse(at: Int), failedBefore

    /// The answer a server gives before it closes.
    public var status: Int {
        switch self {
        case .startLineTooLong: 414
        case .headTooLarge, .tooManyHeaders, .trailersTooLarge, .tooManyTrailers: 431
        case .unsupportedTransferCoding: 501
        case .unsupportedVersion: 505
        default: 400
        }
    }
}
