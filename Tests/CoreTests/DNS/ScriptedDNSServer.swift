// A DNS server on loopback that says what a test tells it to, over UDP and TCP, on the test's own loop.

import Glibc

@testable import Core

final class ScriptedDNSServer: EventTarget {
    enum Answer {
        /// Addresses of the type asked for; may be empty (no data).
        case addresses([String], ttl: UInt32)
        /// An alias, followed in the same answer by the addresses.
        case alias(String, ttl: UInt32, addresses: [String], addressTTL: UInt32)
        case code(UInt8)
        case silence
        /// Truncated over UDP; the addresses over TCP.
        case truncated([String], ttl: UInt32)
    }

    /// By "name/A" or "name/AAAA"; what is not listed does not exist (NXDOMAIN).
    var answers: [String: Answer] = [:]
    /// The questions as they came: "udp name/A".
    private(set) var questions: [String] = []
    private(set) var port: UInt16 = 0

    private let loop: EventLoop
    private var udp: Int32 = -1
    private var tcp: Int32 = -1
    private var udpReadiness: Readiness?
    private var acceptor: Acceptor?

    var address: SocketAddress { .v4(address: 0x7F00_0001, port: port) }

    init(_ loop: EventLoop) {
        self.loop = loop
        super.init()
        // One port for both, tried until both are free.
        for _ in 0..<50 {
            tcp = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            _ = SocketAddress.v4(address: 0x7F00_0001, port: 0).withSockaddr { bind(tcp, $0, $1) }
            port = boundPort(tcp)
            udp = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            if address.withSockaddr({ bind(udp, $0, $1) }) == 0 { break }
            close(tcp)
            close(udp)
        }
        listen(tcp, 16)
        udpReadiness = Readiness(loop: loop, fd: udp, .read, target: self)
        udpReadiness?.enable()
        acceptor = Acceptor(self, loop, tcp)
    }

    deinit {
        udpReadiness = nil
        acceptor?.close()
        close(udp)
        close(tcp)
    }

    override func onReadable() {
        var buffer = [UInt8](repeating: 0, count: 2048)
        var peer = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let count = withUnsafeMutablePointer(to: &peer) { raw in
            raw.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(udp, &buffer, buffer.count, 0, $0, &length)
            }
        }
        guard count > 0, let reply = reply(to: Array(buffer[..<count]), overTCP: false) else { return }
        _ = withUnsafePointer(to: &peer) { raw in
            raw.withMemoryRebound(to: sockaddr.self, capacity: 1) { sendto(udp, reply, reply.count, 0, $0, length) }
        }
    }

    fileprivate func reply(to query: [UInt8], overTCP: Bool) -> [UInt8]? {
        guard query.count > 16 else { return nil }
        var name: [String] = []
        var index = 12
        while query[index] != 0 {
            let length = Int(query[index])
            name.append(String(decoding: query[(index + 1)..<(index + 1 + length)], as: UTF8.self))
            index += 1 + length
        }
        let type = Int(query[index + 1]) << 8 | Int(query[index + 2])
        let question = Array(query[12..<(index + 5)])
        let key = "\(name.joined(separator: "."))/\(type == 28 ? "AAAA" : "A")"
        questions.append("\(overTCP ? "tcp" : "udp") \(key)")

        var code: UInt8 = 0
        var isTruncated = false
        var records: [[UInt8]] = []
        switch answers[key] ?? .code(3) {
        case .silence: return nil
        case .code(let value): code = value
        case .addresses(let list, let ttl): records = list.map { record([0xC0, 12], $0, ttl) }
        case .truncated(let list, let ttl):
            if overTCP { records = list.map { record([0xC0, 12], $0, ttl) } } else { isTruncated = true }
        case .alias(let target, let ttl, let list, let addressTTL):
            var wire: [UInt8] = []
            for label in target.split(separator: ".") {
                wire.append(UInt8(label.utf8.count))
                wire += Array(label.utf8)
            }
            wire.append(0)
            var alias: [UInt8] = [0xC0, 12, 0, 5, 0, 1]
            alias += bytes(ttl)
            alias += [0, UInt8(wire.count)]
            alias += wire
            records.append(alias)
            records += list.map { record(wire, $0, addressTTL) }
        }
        var reply = Array(query[0..<2])
        reply += [isTruncated ? 0x87 : 0x85, 0x80 | code, 0, 1, 0, UInt8(records.count), 0, 0, 0, 0]
        reply += question
        for record in records { reply += record }
        return reply
    }

    private func record(_ name: [UInt8], _ text: String, _ ttl: UInt32) -> [UInt8] {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            return name + [0, 1, 0, 1] + bytes(ttl) + [0, 4] + withUnsafeBytes(of: four) { Array($0) }
        }
        var six = in6_addr()
        inet_pton(AF_INET6, text, &six)
        return name + [0, 28, 0, 1] + bytes(ttl) + [0, 16] + withUnsafeBytes(of: six) { Array($0) }
    }

    private func bytes(_ number: UInt32) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }

    /// Takes TCP connections, one question each.
    private final class Acceptor: EventTarget {
        private unowned let server: ScriptedDNSServer
        private let loop: EventLoop
        private let fd: Int32
        private var readiness: Readiness?
        private var peers: [Peer] = []

        init(_ server: ScriptedDNSServer, _ loop: EventLoop, _ fd: Int32) {
            self.server = server
            self.loop = loop
            self.fd = fd
            super.init()
            readiness = Readiness(loop: loop, fd: fd, .read, target: self)
            readiness?.enable()
        }

        func close() {
            readiness = nil
            for peer in peers { peer.close() }
        }

        override func onReadable() {
            let peer = accept(fd, nil, nil)
            if peer >= 0 { peers.append(Peer(server, loop, peer)) }
        }
    }

    private final class Peer: EventTarget {
        private unowned let server: ScriptedDNSServer
        private let fd: Int32
        private var readiness: Readiness?
        private var isClosed = false

        init(_ server: ScriptedDNSServer, _ loop: EventLoop, _ fd: Int32) {
            self.server = server
            self.fd = fd
            super.init()
            readiness = Readiness(loop: loop, fd: fd, .read, target: self)
            readiness?.enable()
        }

        func close() {
            if isClosed { return }
            isClosed = true
            readiness?.disable()
            Glibc.close(fd)
        }

        override func onReadable() {
            var buffer = [UInt8](repeating: 0, count: 2048)
            let count = read(fd, &buffer, buffer.count)
            guard count > 2 else { return close() }
            guard let reply = server.reply(to: Array(buffer[2..<count]), overTCP: true) else { return }
            let framed = [UInt8(reply.count >> 8), UInt8(reply.count & 255)] + reply
            _ = write(fd, framed, framed.count)
        }
    }
}

/// The port a test's socket was given.
func boundPort(_ fd: Int32) -> UInt16 {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    _ = withUnsafeMutablePointer(to: &storage) { raw in
        raw.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(fd, $0, &length) }
    }
    return SocketAddress(storage, length: length)?.port ?? 0
}

extension EventLoop {
    /// Turns until `condition` holds; false when it does not within the limit.
    func turn(untilMS limitMS: Int64 = 5000, _ condition: () -> Bool) -> Bool {
        let deadline = Instant.read().advanced(byMS: limitMS)
        // Wakes the loop now and then, so that a loop without events ends in time.
        let ticker = Ticker(self)
        defer { ticker.stop() }
        while !condition() {
            if Instant.read() > deadline { return false }
            turn(mayWait: true)
        }
        return true
    }

    private final class Ticker: EventTarget {
        private let loop: EventLoop
        private var timer = TimerHandle.none

        init(_ loop: EventLoop) {
            self.loop = loop
            super.init()
            onTimer(0)
        }

        override func onTimer(_ tag: Int) { timer = loop.schedule(afterMS: 5, target: self) }

        func stop() { loop.cancel(&timer) }
    }
}
