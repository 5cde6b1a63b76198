// The HTTP/1 pull decoder: its state, its front door and the life of a message. Lines are in HTTP1Decoder+Head.swift, field
// meanings in HTTP1Decoder+Framing.swift, bodies in HTTP1Decoder+Body.swift.

/// Pull decoder for HTTP/1.0 and HTTP/1.1, requests or responses, strict where smuggling lives.
///
///     window │ G E T ␠ / ␠ H T T P / 1 . 1 ␍ ␊ │ H o s t : ␠ a ␍ ␊ │ ␍ ␊ │
///            ╰─ .requestLine ─────────────────╯╰─ .field ─────────╯╰────╯ .headEnd, then .messageEnd
///
/// Each call yields one event. The window begins at the first byte that no event has used: after a call the caller drops
/// ``consumedBytes`` bytes from its front. On `.needMore` it keeps the rest and calls again when there are more; until then
/// the bytes it keeps must not change. Ranges are offsets into the window of that call.
///
/// - Memory: copies and allocates nothing; state is a few words. Progress inside an unfinished line is state, so no byte is
///   scanned twice.
/// - Limits: ``HTTP1Limits``; crossing one throws.
/// - Errors: ``HTTP1DecodeError``; after one, every call throws `.failedBefore`.
/// - Stricter than RFC 9112: no repeated or listed Content-Length, `chunked` is the only transfer coding, no obs-fold, no
///   bare CR or LF, no white space around chunk extensions, no framing fields in trailers.
/// - Source: RFC 9112, RFC 9110 §5, §7.8, §10.1.1.
public struct HTTP1Decoder: ~Copyable {
    public enum Role: UInt8, Sendable { case requests, responses }

    enum State: UInt8 {
        case start, fields, endOfMessage
        case fixedBody, bodyUntilClose, tunnel
        case chunkSize, chunkExtension, chunkExtensionName, chunkExtensionValue, chunkExtensionToken
        case chunkExtensionQuoted, chunkExtensionEscape, chunkExtensionQuotedEnd, chunkLineFeed
        case chunkData, chunkDataReturn, chunkDataLineFeed
        case trailers
        /// The peer said that no further message follows.
        case closed
        /// Waits for ``becomeTunnel()`` or ``declineUpgrade()``.
        case paused
        case failed
    }

    /// Progress inside the line that starts the window.
    enum LinePhase: UInt8 { case first, second, third, value, lineFeed }

    struct Seen: OptionSet {
        let rawValue: UInt16
        static let length = Seen(rawValue: 1)
        static let chunked = Seen(rawValue: 2)
        static let host = Seen(rawValue: 4)
        static let close = Seen(rawValue: 8)
        static let keepAlive = Seen(rawValue: 16)
        static let upgradeToken = Seen(rawValue: 32)
        static let upgradeField = Seen(rawValue: 64)
        static let expectContinue = Seen(rawValue: 128)
        static let unknownExpectation = Seen(rawValue: 256)
    }

    let limits: HTTP1Limits
    let role: Role
    let pausesOnUpgrade: Bool

    var state = State.start
    var phase = LinePhase.first
    /// Offset in the window of the next byte to look at.
    var scanned = 0
    /// Ends of the line's parts found so far: method or name, target or start of the value.
    var firstEnd = 0
    var secondEnd = 0

    // The message being read.
    var seen = Seen()
    var method = HTTP1Method.other
    var minorVersion: UInt8 = 1
    var status: UInt16 = 0
    var awaitsResponse = false
    var closesAfter = false
    var skippedEmptyLine = false
    var count = 0
    var sectionBytes = 0
    var contentLength = 0
    /// Bytes left of a fixed body or of the chunk.
    var remaining = 0
    var chunkDigits: UInt8 = 0
    var extensionBytes = 0

    /// How many bytes at the front of the last window were used by the last call.
    public var consumedBytes = 0

    /// - Parameter pausesOnUpgrade: whether a request that asks for an upgrade stops the decoder after its end until
    ///   ``becomeTunnel()`` or ``declineUpgrade()``. Without it upgrades are reported and otherwise ignored.
    public init(_ role: Role, limits: HTTP1Limits = HTTP1Limits(), pausesOnUpgrade: Bool = false) {
        self.role = role
        self.limits = limits
        self.pausesOnUpgrade = pausesOnUpgrade
    }

    /// Whether the next byte would start a message.
    public var isBetweenMessages: Bool { (state == .start && scanned == 0) || state == .closed }

    /// Responses only: says that a response to `method` is due. Without it, bytes are an unsolicited response.
    public mutating func expectResponse(to method: HTTP1Method) {
        precondition(role == .responses, "Only a response decoder expects responses.")
        precondition(!awaitsResponse, "One response at a time: ask again after its end.")
        self.method = method
        awaitsResponse = true
    }

    /// The upgrade was accepted: all later bytes belong to the new protocol.
    public mutating func becomeTunnel() {
        precondition(state == .paused, "Only a paused decoder can become a tunnel.")
        state = .tunnel
    }

    /// The upgrade was refused: go on with HTTP.
    public mutating func declineUpgrade() {
        precondition(state == .paused, "Only a paused decoder waits for a verdict.")
        state = closesAfter ? .closed : .start
    }

    public var isPaused: Bool { state == .paused }

    /// The next event at the front of `window`.
    public mutating func next(_ window: borrowing Span<UInt8>) throws(HTTP1DecodeError) -> HTTP1Event {
        do throws(HTTP1DecodeError) {
            consumedBytes = 0
            // Nearly every call while a head is read.
            if state == .fields { return try nextField(window) }
            switch state {
            case .start: return role == .requests ? try requestLine(window) : try statusLine(window)
            case .endOfMessage: return endMessage()
            case .fixedBody: return fixedBody(window)
            case .chunkData where window.count != 0: return chunkData(window)
            case .trailers: return try nextTrailer(window)
            case .bodyUntilClose:
                if window.count == 0 { return .needMore }
                consumedBytes = window.count
                return .bodyBytes(ByteRange(0, count: window.count))
            case .tunnel:
                if window.count == 0 { return .needMore }
                consumedBytes = window.count
                return .tunnelBytes(ByteRange(0, count: window.count))
            case .paused: return .needMore
            case .closed:
                // RFC 9112 §9.6: whatever follows a message that closes is not a message.
                consumedBytes = window.count
                return .needMore
            case .failed: throw .failedBefore
            default: return try chunkFraming(window)
            }
        } catch {
            state = .failed
            throw error
        }
    }

    /// The stream has ended. `.messageEnd` if that ends a body, `.needMore` if nothing was under way.
    public mutating func finish() throws(HTTP1DecodeError) -> HTTP1Event {
        consumedBytes = 0
        switch state {
        case .bodyUntilClose, .endOfMessage:
            closesAfter = true
            return endMessage()
        case .start where scanned == 0 && phase == .first && !awaitsResponse, .closed, .tunnel, .paused:
            return .needMore
        case .failed: throw .failedBefore
        default:
            state = .failed
            throw .truncated
        }
    }

    mutating func endMessage() -> HTTP1Event {
        phase = .first
        scanned = 0
        skippedEmptyLine = false
        if role == .requests {
            if pausesOnUpgrade, seen.contains([.upgradeField, .upgradeToken]), minorVersion == 1 {
                state = .paused
            } else {
                state = closesAfter ? .closed : .start
            }
        } else {
            awaitsResponse = false
            state = closesAfter ? .closed : .start
        }
        return .messageEnd
    }
}
