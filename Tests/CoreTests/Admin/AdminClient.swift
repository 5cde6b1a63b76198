// An admin server and plain clients on one thread: the loop turns while a client waits.

import Glibc

@testable import Core

/// One server on a free loopback port.
final class AdminBench {
    let loop = EventLoop()
    let source = FakeAdminSource()
    let server: AdminServer
    var exchanges: [AdminExchange] = []

    init(
        allowedPaths: [StringMatcher] = [], options: AdminServer.Options = AdminServer.Options(),
        address: SocketAddress = .v4(address: 0x7f00_0001, port: 0), extra: [AdminEndpoint] = []
    ) throws {
        let router = AdminRouter(endpoints: AdminEndpoints.table(source) + extra, allowedPaths: allowedPaths)
        server = AdminServer(loop: loop, address: address, router: router, options: options)
        try server.start()
        server.onExchange = { [unowned self] in exchanges.append($0) }
    }

    deinit {
        server.close()
        loop.turn(mayWait: false)
    }

    func connect() -> AdminClient { AdminClient(loop, server.boundAddress!) }

    /// One request on its own connection.
    func get(_ target: String, method: String = "GET", headers: String = "", body: String = "") -> AdminAnswer {
        let client = connect()
        let length = body.isEmpty ? "" : "Content-Length: \(body.utf8.count)\r\n"
        client.send("\(method) \(target) HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\(headers)\(length)\r\n\(body)")
        return AdminAnswer(client.readToEnd())
    }

    func post(_ target: String, headers: String = "", body: String = "") -> AdminAnswer {
        get(target, method: "POST", headers: headers, body: body)
    }
}

struct AdminAnswer {
    var status = 0
    var headers: [String: String] = [:]
    var body = ""

    init(_ raw: [UInt8]) {
        let text = String(decoding: raw, as: UTF8.self)
        guard let range = AdminAnswer.find("\r\n\r\n", in: Array(text.utf8)) else { return }
        let bytes = Array(text.utf8)
        let lines = String(decoding: bytes[..<range], as: UTF8.self).split(separator: "\r\n")
        status = lines.first.flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int($0) } ?? 0
        for line in lines.dropFirst() {
            let halves = line.split(separator: ":", maxSplits: 1)
            headers[String(halves[0])] = String(halves[1].dropFirst())
        }
        body = String(decoding: bytes[(range + 4)...], as: UTF8.self)
        if headers["transfer-encoding"] == "chunked" { body = AdminAnswer.dechunked(Array(body.utf8)) }
    }

    static func find(_ needle: String, in bytes: [UInt8]) -> Int? {
        let needle = Array(needle.utf8)
        guard bytes.count >= needle.count else { return nil }
        return (0...bytes.count - needle.count).first { Array(bytes[$0..<$0 + needle.count]) == needle }
    }

    private static func dechunked(_ bytes: [UInt8]) -> String {
        var out: [UInt8] = []
        var rest = bytes[...]
        while let line = rest.firstIndex(of: 13),
            let size = Int(String(decoding: rest[..<line], as: UTF8.self), radix: 16)
        {
            if size == 0 { return String(decoding: out, as: UTF8.self) }
            out += rest[(line + 2)..<(line + 2 + size)]
            rest = rest[(line + 2 + size + 2)...]
        }
        return "broken chunks"
    }
}

/// A non-blocking client socket.
final class AdminClient {
    let loop: EventLoop
    let fd: Int32

    init(_ loop: EventLoop, _ address: SocketAddress) {
        self.loop = loop
        fd = socket(address.family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        _ = Sockets.connect(fd, to: address)
        turn()
    }

    deinit { close(fd) }

    func turn(_ times: Int = 3) { for _ in 0..<times { loop.turn(mayWait: false) } }

    func send(_ text: String) {
        var bytes = Array(text.utf8)[...]
        for _ in 0..<10_000 where !bytes.isEmpty {
            let n = bytes.withUnsafeBytes { Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if n > 0 { bytes = bytes.dropFirst(n) } else if errno != EAGAIN { return }
            turn()
        }
    }

    enum Read: Equatable {
        case bytes([UInt8])
        case nothing, end
    }

    func readOnce() -> Read {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let n = recv(fd, &buffer, buffer.count, 0)
        if n > 0 { return .bytes(Array(buffer[..<n])) }
        return n == 0 || errno != EAGAIN ? .end : .nothing
    }

    /// Until the server closes, or two seconds.
    func readToEnd() -> [UInt8] {
        var out: [UInt8] = []
        let deadline = Instant.read().advanced(byMS: 2000)
        while Instant.read() < deadline {
            turn()
            switch readOnce() {
            case .bytes(let bytes): out += bytes
            case .end: return out
            case .nothing: usleep(200)
            }
        }
        return out
    }

    /// Until `text` stands at the end, or two seconds.
    func read(until text: String) -> String {
        var out: [UInt8] = []
        let deadline = Instant.read().advanced(byMS: 2000)
        while Instant.read() < deadline, !String(decoding: out, as: UTF8.self).hasSuffix(text) {
            turn()
            switch readOnce() {
            case .bytes(let bytes): out += bytes
            case .end: return String(decoding: out, as: UTF8.self)
            case .nothing: usleep(200)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
