// What is wrong with the bytes of a peer, where, and against which limit.

/// `at` is an offset into the window of the call that threw. After a throw the stream cannot be resynchronised: answer with
/// ``status`` if this side is the server, then close.
public enum HTTP1DecodeError: Error, Equatable, Sendable {
    // Start line
    case badMethod(at: Int)
    case badTarget(at: Int)
    case badVersion(at: Int)
    case badStatusLine(at: Int)
    case unsupportedVersion(at: Int)
    case startLineTooLong(limit: Int)
    // Lines
    case bareCarriageReturn(at: Int)
    case bareLineFeed(at: Int)
    // Fields
    case badFieldName(at: Int)
    case badFieldValue(at: Int)
    case whitespaceBeforeColon(at: Int)
    case obsoleteFold(at: Int)
    case headTooLarge(limit: Int)
    case tooManyHeaders(limit: Int)
    // Framing
    case badContentLength(at: Int)
    case repeatedContentLength(at: Int)
    case badTransferEncoding(at: Int)
    case repeatedTransferEncoding(at: Int)
    case unsupportedTransferCoding(at: Int)
    case lengthAndTransferEncoding(at: Int)
    case transferEncodingBeforeHTTP11(at: Int)
    case bodyNotAllowed(at: Int)
    case badConnection(at: Int)
    case missingHost(at: Int)
    case repeatedHost(at: Int)
    case badHost(at: Int)
    // Chunks
    case badChunkSize(at: Int)
    case badChunkExtension(at: Int)
    case badChunkEnd(at: Int)
    case chunkExtensionsTooLarge(limit: Int)
    case trailersTooLarge(limit: Int)
    case tooManyTrailers(limit: Int)
    case forbiddenTrailer(at: Int)
    // Stream
    case truncated
    case unsolicitedResponse(at: Int)
    case failedBefore

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
