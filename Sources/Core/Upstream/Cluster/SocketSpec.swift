// How to open a connection to one host: plain values, and the one place that turns them into a socket.

import Glibc

/// One `setsockopt` of the configuration.
public struct SocketOptionSpec: Hashable, Sendable {
    public enum Value: Hashable, Sendable {
        case int(Int32)
        case bytes([UInt8])
    }

    /// When the option is set, relative to bind.
    public enum Moment: Hashable, Sendable { case beforeBind, afterBind }

    public var level: Int32
    public var name: Int32
    public var value: Value
    public var moment: Moment
    /// AF_INET or AF_INET6 when the option is meant for one family only.
    public var family: Int32?

    public init(level: Int32, name: Int32, value: Value, moment: Moment = .beforeBind, family: Int32? = nil) {
        self.level = level
        self.name = name
        self.value = value
        self.moment = moment
        self.family = family
    }

    /// False with `errno` set when the kernel refuses.
    func apply(to fd: Int32) -> Bool {
        switch value {
        case .int(var number):
            setsockopt(fd, level, name, &number, socklen_t(MemoryLayout<Int32>.size)) == 0
        case .bytes(let bytes):
            setsockopt(fd, level, name, bytes, socklen_t(bytes.count)) == 0
        }
    }
}

/// TCP keepalive of upstream connections; fields left nil keep the system's numbers.
public struct TCPKeepaliveSpec: Hashable, Sendable {
    public var probes: UInt32?
    public var idleSeconds: UInt32?
    public var intervalSeconds: UInt32?

    public init(probes: UInt32? = nil, idleSeconds: UInt32? = nil, intervalSeconds: UInt32? = nil) {
        self.probes = probes
        self.idleSeconds = idleSeconds
        self.intervalSeconds = intervalSeconds
    }
}

/// Everything about opening a connection that does not depend on the protocol.
public struct SocketSpec: Hashable, Sendable {
    public var address: SocketAddress
    public var source: SocketAddress?
    /// Bind to a source address that no interface has.
    public var isFreebind = false
    public var keepalive: TCPKeepaliveSpec?
    public var options: [SocketOptionSpec] = []
    public var connectTimeoutMS: Int64 = 5000
    /// High watermark of each direction's buffer.
    public var bufferLimitBytes: UInt32 = 1 << 20

    public init(address: SocketAddress) { self.address = address }

    /// Small writes are to leave at once, batching is the write queue's business: the connection sets TCP_NODELAY when
    /// its first write is past, unless the configuration sets the option itself.
    public var endsDelay: Bool {
        address.isIP && !options.contains { $0.level == Int32(IPPROTO_TCP) && $0.name == TCP_NODELAY }
    }

    /// How opening went. The descriptor is the caller's.
    public enum Opening: Equatable {
        case connected(Int32)
        /// Writable tells the end; `SO_ERROR` tells how.
        case connecting(Int32)
        /// The source address could not be bound: counts as `bind_errors`.
        case bindFailed(Int32)
        /// errno.
        case failed(Int32)
    }

    /// Makes a non-blocking socket with all options, binds it if asked and starts the connect.
    /// - Parameter bytesWait: the connection's first bytes are there and leave as soon as it stands: they carry the ACK
    ///   that ends the handshake, which saves a packet.
    public func open(bytesWait: Bool = false) -> Opening {
        let fd: Int32
        do throws(SocketError) {
            fd = try Sockets.makeStream(family: address.family)
        } catch {
            return .failed(error.errno)
        }
        if let error = prepare(fd) {
            close(fd)
            return error
        }
        if bytesWait, address.isIP { Sockets.delayAcknowledgement(fd) }
        switch Sockets.connect(fd, to: address) {
        case 0: return .connected(fd)
        case EINPROGRESS: return .connecting(fd)
        case let error:
            close(fd)
            return .failed(error)
        }
    }

    private func prepare(_ fd: Int32) -> Opening? {
        if address.isIP { applyKeepalive(fd) }
        for option in options where option.moment == .beforeBind && concerns(option) {
            if !option.apply(to: fd) { return .failed(errno) }
        }
        if let source, source.family == address.family {
            if isFreebind {
                let option =
                    address.family == AF_INET
                    ? SocketOptionSpec(level: Int32(IPPROTO_IP), name: IP_FREEBIND, value: .int(1))
                    : SocketOptionSpec(level: Int32(IPPROTO_IPV6), name: ipv6Freebind, value: .int(1))
                if !option.apply(to: fd) { return .bindFailed(errno) }
            }
            if source.port == 0, source.isIP {
                // The port is chosen at connect, so that source ports are unique per destination, not per host.
                _ = SocketOptionSpec(level: Int32(IPPROTO_IP), name: IP_BIND_ADDRESS_NO_PORT, value: .int(1)).apply(
                    to: fd)
            }
            if source.withSockaddr({ bind(fd, $0, $1) }) != 0 { return .bindFailed(errno) }
        }
        for option in options where option.moment == .afterBind && concerns(option) {
            if !option.apply(to: fd) { return .failed(errno) }
        }
        return nil
    }

    private func concerns(_ option: SocketOptionSpec) -> Bool {
        guard let family = option.family else { return true }
        return family == address.family
    }

    private func applyKeepalive(_ fd: Int32) {
        guard let keepalive else { return }
        _ = SocketOptionSpec(level: SOL_SOCKET, name: SO_KEEPALIVE, value: .int(1)).apply(to: fd)
        let numbers = [
            (TCP_KEEPCNT, keepalive.probes), (TCP_KEEPIDLE, keepalive.idleSeconds),
            (TCP_KEEPINTVL, keepalive.intervalSeconds),
        ]
        for (name, number) in numbers {
            guard let number else { continue }
            let value = Int32(clamping: number)
            _ = SocketOptionSpec(level: Int32(IPPROTO_TCP), name: name, value: .int(value)).apply(to: fd)
        }
    }
}

/// A ``SocketSpec`` by reference, made once per host and worker: copying the spec for each connection costs more than
/// opening the socket takes of our time.
public final class PreparedSocket {
    public let spec: SocketSpec
    public let endsDelay: Bool
    /// Loopback connects have usually ended when the call returns.
    public let isLoopback: Bool

    init(_ spec: SocketSpec) {
        self.spec = spec
        endsDelay = spec.endsDelay
        isLoopback = spec.address.isLoopback
    }

    /// Opens one more socket, as ``SocketSpec/open(bytesWait:)``.
    public func open(bytesWait: Bool) -> SocketSpec.Opening { spec.open(bytesWait: bytesWait) }
}

// A name that old headers lack.
private let ipv6Freebind: Int32 = 78
