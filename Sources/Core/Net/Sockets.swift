// The socket calls, with errors as values.

import CLinux
import Glibc

/// A failed socket call: its name and errno, for messages that tell a person what to do.
public struct SocketError: Error, CustomStringConvertible, Sendable {
    public let call: String
    public let errno: Int32

    public var description: String { "\(call): \(String(cString: strerror(errno)))" }
}

/// Non-blocking stream sockets. Every function is a thin, non-allocating wrapper that reads `errno` on the next line.
public enum Sockets {
    private static let streamFlags = Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)

    public static func makeStream(family: Int32) throws(SocketError) -> Int32 {
        let fd = socket(family, Int32(SOCK_STREAM.rawValue) | streamFlags, 0)
        if fd < 0 { throw SocketError(call: "socket", errno: errno) }
        return fd
    }

    @discardableResult
    public static func set(_ fd: Int32, _ level: Int32, _ name: Int32, _ value: Int32) -> Int32 {
        var value = value
        return setsockopt(fd, level, name, &value, socklen_t(MemoryLayout<Int32>.size)) == 0 ? 0 : errno
    }

    public static func setNoDelay(_ fd: Int32) { set(fd, Int32(IPPROTO_TCP), TCP_NODELAY, 1) }

    /// An ACK that is due waits for data to go with it (tcp(7), TCP_QUICKACK), until the kernel changes its mind.
    public static func delayAcknowledgement(_ fd: Int32) { set(fd, Int32(IPPROTO_TCP), TCP_QUICKACK, 0) }

    /// The next close sends RST and drops what the kernel still holds.
    public static func setLingerZero(_ fd: Int32) {
        var value = linger(l_onoff: 1, l_linger: 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
    }

    /// Starts a connect; 0 or an errno, EINPROGRESS being the usual one.
    public static func connect(_ fd: Int32, to address: SocketAddress) -> Int32 {
        address.withSockaddr { pointer, length in
            while true {
                let error = -linux_connect(fd, pointer, length)
                if error != EINTR { return error }
            }
        }
    }

    public static func bind(_ fd: Int32, to address: SocketAddress) -> Int32 {
        address.withSockaddr { Glibc.bind(fd, $0, $1) == 0 ? 0 : errno }
    }

    public enum Accepted {
        case connection(fd: Int32, remote: SocketAddress?)
        case none
        /// No descriptor or no memory is left: stop accepting for a while.
        case exhausted(errno: Int32)
    }

    public static func accept(_ fd: Int32) -> Accepted {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        while true {
            let accepted = linux_accept4(fd, &storage, &length, streamFlags)
            if accepted >= 0 { return .connection(fd: accepted, remote: SocketAddress(storage, length: length)) }
            switch -accepted {
            // A connection that died in the queue is no reason to stop; nor is a signal.
            case EINTR, ECONNABORTED, EPROTO, ENETDOWN, EHOSTDOWN, EHOSTUNREACH, ENETUNREACH, ENONET: continue
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted(errno: -accepted)
            default: return .none
            }
        }
    }

    public static func localAddress(_ fd: Int32) -> SocketAddress? { name(fd, getsockname) }
    public static func remoteAddress(_ fd: Int32) -> SocketAddress? { name(fd, getpeername) }

    private static func name(
        _ fd: Int32,
        _ call: (Int32, UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>?) -> Int32
    ) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let status = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { call(fd, $0, &length) }
        }
        return status == 0 ? SocketAddress(storage, length: length) : nil
    }
}
