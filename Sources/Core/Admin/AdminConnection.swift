// One client of the admin port: HTTP/1 in, one answer per request out, in order.

import Glibc
import HTTPCodec

/// Reads requests until the client closes, asks to close, or is wrong.
///
/// - Bounds: head and body sizes, one window of undecoded bytes, output watermark. While the output is above it nothing more
///   is read or answered, so a client that asks but does not read costs one answer plus the watermark.
/// - Time: a connection without a whole request, and without the client taking answer bytes, for the idle time is closed. A
///   trickle of request bytes does not count.
/// - Main thread.
final class AdminConnection: ConnectionHandler {
    static let outputLimitBytes = 256 << 10
    private static let pieceBytes = 64 << 10
    private static let piecesPerTurn = 8
    private static let pumpTag = 1
    static let bodyLimitBytes = 64 << 10
    private static let limits: HTTP1Limits = {
        var limits = HTTP1Limits()
        limits.startLineBytes = 8 << 10
        limits.headBytes = 32 << 10
        return limits
    }()

    private unowned let server: AdminServer
    private let loop: EventLoop
    private var connection: Connection?
    private var decoder = HTTP1Decoder(.requests, limits: AdminConnection.limits)
    /// Bytes not decoded yet.
    private var kept: [UInt8] = []

    // The request being read.
    private var request = AdminRequest(method: "", target: "")
    private var body: [UInt8] = []
    private var isForm = false
    private var bodyTooLarge = false
    private var keepsAlive = true
    private var isHTTP11 = true
    private var status = 0
    private var responseHeaders: [(name: String, value: String)] = []
    private var requestBodyBytes = 0
    /// Bytes of the connection that earlier exchanges have accounted for.
    private var notedRead: UInt64 = 0
    private var notedWritten: UInt64 = 0
    private let id: UInt64
    private var startTime = Instant.never
    private var isDecoding = false

    /// The rest of the answer being sent in pieces.
    private var stream: ((inout [UInt8], Int) -> Bool)?
    private var streamIsChunked = false
    private var streamBytes = 0
    private var pumpTimer = TimerHandle.none

    private var isPaused = false
    private var isEnding = false
    private var clientHasEnded = false
    private var timer = TimerHandle.none
    private var lastProgress: Instant
    private var lastWritten: UInt64 = 0

    init(server: AdminServer, net: NetContext, fd: Int32) {
        self.server = server
        id = UInt64(server.counters.connections)
        loop = net.loop
        lastProgress = net.loop.now
        super.init()
        connection = Connection(
            accepted: fd, net: net, handler: self, bufferLimitBytes: Self.outputLimitBytes)
        timer = loop.schedule(afterMS: server.options.idleTimeoutMS, target: self)
        connection?.start()
    }

    func close() {
        connection?.discard()
        end()
    }

    private func end() {
        stream = nil
        loop.cancel(&timer)
        loop.cancel(&pumpTimer)
        loop.bury(self)
        server.remove(self)
    }

    // MARK: Events in

    override func onBytes(_ connection: Connection, _ bytes: UnsafeRawBufferPointer) {
        if isEnding { return }
        kept.append(contentsOf: bytes)
        decode()
    }

    /// A client that sends its requests and then only listens gets its answers.
    override func onEndOfStream(_ connection: Connection) {
        clientHasEnded = true
        endIfDone()
    }

    private func endIfDone() {
        if clientHasEnded, stream == nil, !isPaused, !isEnding {
            isEnding = true
            connection?.close(.flush)
        }
    }

    override func onOutputHigh(_ connection: Connection) {
        isPaused = true
        connection.pauseReading(.peerFull)
    }

    override func onOutputLow(_ connection: Connection) {
        isPaused = false
        connection.resumeReading(.peerFull)
        if stream != nil { pump() } else if !isEnding { decode() }
    }

    override func onClosed(_ connection: Connection, _ end: ConnectionEnd) { self.end() }

    override func onTimer(_ tag: Int) {
        if tag == Self.pumpTag {
            pumpTimer = .none
            pump()
            return
        }
        timer = .none
        guard let connection, !connection.isClosed else { return }
        if connection.bytesWritten != lastWritten {
            lastWritten = connection.bytesWritten
            lastProgress = loop.now
        }
        let idle = loop.now.milliseconds(since: lastProgress)
        if idle >= server.options.idleTimeoutMS {
            server.counters.idleTimeouts += 1
            connection.close(.now)
        } else {
            timer = loop.schedule(afterMS: server.options.idleTimeoutMS - idle, target: self)
        }
    }

    // MARK: Requests

    private func decode() {
        isDecoding = true
        var used = 0
        defer {
            isDecoding = false
            if used > 0 { kept.removeFirst(min(used, kept.count)) }
            endIfDone()
        }
        do throws(HTTP1DecodeError) {
            while !isPaused, !isEnding, stream == nil {
                let window = kept.span.extracting(used...)
                let event = try decoder.next(window)
                switch event {
                case .needMore:
                    used += decoder.consumedBytes
                    return
                case .requestLine(let line):
                    begin(method: text(line.methodName, used), target: text(line.target, used))
                    isHTTP11 = line.minorVersion == 1
                case .field(let field): note(field, used)
                case .headEnd(let end): headEnded(end)
                case .bodyBytes(let range):
                    requestBodyBytes += Int(range.count)
                    if body.count + Int(range.count) > Self.bodyLimitBytes { bodyTooLarge = true }
                    if !bodyTooLarge {
                        body.append(contentsOf: kept[used + range.range.lowerBound..<used + range.range.upperBound])
                    }
                case .messageEnd: answer()
                case .tunnelBytes, .skipped, .statusLine, .trailer: break
                }
                used += decoder.consumedBytes
            }
        } catch {
            refuse(error)
        }
    }

    private func text(_ range: ByteRange, _ base: Int) -> String {
        String(decoding: kept[base + range.range.lowerBound..<base + range.range.upperBound], as: UTF8.self)
    }

    private func begin(method: String, target: String) {
        startTime = loop.now
        var origin = Substring(target)
        // An absolute target names this server too; its path is what counts here.
        if !target.hasPrefix("/"), target != "*" {
            let parts = target.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
            origin = parts.count == 4 ? "/" + parts[3] : "/"
        }
        request = AdminRequest(method: method, target: String(origin))
        body = []
        bodyTooLarge = false
        requestBodyBytes = 0
        isForm = false
        keepsAlive = true
    }

    private func note(_ field: HTTP1Field, _ base: Int) {
        request.headers.append((text(field.name, base).lowercased(), text(field.value, base)))
        switch field.id {
        case .host: request.host = text(field.value, base)
        case .userAgent: request.userAgent = text(field.value, base)
        case .secFetchSite: request.fetchSite = text(field.value, base)
        case .contentType: isForm = text(field.value, base).hasPrefix("application/x-www-form-urlencoded")
        default: break
        }
    }

    private func headEnded(_ end: HTTP1HeadEnd) {
        keepsAlive = end.keepAlive
        if end.framing == .tunnel {
            keepsAlive = false
            send(AdminResponse("CONNECT is not served here.", status: 405))
            finish()
        } else if end.flags.contains(.unknownExpectation) {
            keepsAlive = false
            send(AdminResponse("", status: 417))
            finish()
        } else if end.flags.contains(.expectContinue) {
            if case .length(let bytes) = end.framing, bytes > Self.bodyLimitBytes { return tooLarge() }
            write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
        } else if case .length(let bytes) = end.framing, bytes > Self.bodyLimitBytes {
            tooLarge()
        }
    }

    private func tooLarge() {
        keepsAlive = false
        send(AdminResponse("request body too large", status: 413))
        finish()
    }

    private func answer() {
        lastProgress = loop.now
        if bodyTooLarge { return tooLarge() }
        if isForm, !body.isEmpty {
            request.query.append(contentsOf: AdminQuery(String(decoding: body, as: UTF8.self), isForm: true))
        }
        body = []
        let response = server.router.respond(to: request)
        // Without chunks the end of the connection ends the body.
        if response.stream != nil, !isHTTP11 { keepsAlive = false }
        send(response)
        if stream == nil, !keepsAlive { finish() }
        response.afterwards?()
    }

    private func refuse(_ error: HTTP1DecodeError) {
        server.counters.badRequests += 1
        keepsAlive = false
        send(AdminResponse("", status: error.status))
        finish()
    }

    // MARK: Answers

    private func send(_ response: AdminResponse) {
        let body = Array(response.body.utf8)
        let fields = self.fields(of: response)
        responseHeaders = fields.map { ($0.name.text, $0.value) }
        var headers = HeaderMap()
        var head: [UInt8] = []
        do {
            for (name, value) in fields { try headers.append(name, Array(value.utf8).span) }
            let none: [UInt8] = []
            let framing: HTTP1Framing =
                response.stream == nil ? .length(body.count) : isHTTP11 ? .chunked : .untilClose
            try HTTP1Encoder.responseHead(
                status: response.status, reason: none.span, headers: headers, framing: framing, into: &head)
        } catch {
            preconditionFailure("Fixed headers fit and are well formed.")
        }
        if !request.isHead { head += body }
        server.counters.requests += 1
        status = response.status
        write(head)
        if let rest = response.stream, !request.isHead {
            stream = rest
            streamIsChunked = isHTTP11
            streamBytes = 0
            pump()
        } else {
            note(bytesSent: request.isHead ? 0 : body.count)
        }
    }

    private func fields(of response: AdminResponse) -> [(name: HeaderName, value: String)] {
        var fields: [(name: HeaderName, value: String)] = [
            (.contentType, response.contentType), (.cacheControl, "no-cache, max-age=0"),
            (.xContentTypeOptions, "nosniff"),
        ]
        if response.contentType.hasPrefix("text/html") { fields.append((.xFrameOptions, "DENY")) }
        if response.status == 405 {
            fields.append((.allow, request.method == "CONNECT" ? "GET, HEAD, POST" : "POST"))
        }
        fields.append((.date, HTTPDate.text(seconds: time(nil))))
        fields.append((.server, "sluice"))
        if !keepsAlive { fields.append((.connection, "close")) }
        return fields
    }

    /// Sends pieces until the client is behind, the turn has had its share, or there are no more.
    private func pump() {
        guard let rest = stream else { return }
        var pieces = 0
        while !isPaused, let connection, !connection.isClosed {
            guard pieces < Self.piecesPerTurn else {
                if pumpTimer == .none { pumpTimer = loop.schedule(afterMS: 0, target: self, tag: Self.pumpTag) }
                return
            }
            pieces += 1
            var piece: [UInt8] = []
            let hasMore = rest(&piece, Self.pieceBytes)
            streamBytes += piece.count
            if streamIsChunked {
                var out: [UInt8] = []
                HTTP1Encoder.chunk(piece.span, into: &out)
                if !hasMore { HTTP1Encoder.lastChunk(into: &out) }
                write(out)
            } else {
                write(piece)
            }
            if hasMore { continue }
            stream = nil
            note(bytesSent: streamBytes)
            if !keepsAlive { finish() } else if pieces > 0, !isDecoding { decode() }
            return
        }
    }

    private func note(bytesSent: Int) {
        let read = connection?.bytesRead ?? notedRead
        let written = (connection?.bytesWritten ?? notedWritten) + UInt64(connection?.outputCount ?? 0)
        server.note(
            AdminExchange(
                request: request, protocolName: isHTTP11 ? "HTTP/1.1" : "HTTP/1.0", status: status,
                responseHeaders: responseHeaders, bytesReceived: requestBodyBytes, bytesSent: bytesSent,
                wireBytesReceived: read - notedRead, wireBytesSent: written - notedWritten,
                start: startTime == .never ? loop.now : startTime, end: loop.now, connectionID: id,
                remote: connection?.remoteAddress, local: connection?.localAddress))
        notedRead = read
        notedWritten = written
    }

    private func write(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { connection?.write($0) }
    }

    /// No further request: what is queued goes out, then the connection ends without cutting the client's reading short.
    private func finish() {
        isEnding = true
        connection?.close(.flushAndLinger(delayMS: 1000))
    }
}
