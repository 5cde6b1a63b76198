// Where a socket is bound or connected: an IPv4, IPv6 or Unix address as an immutable value.

public import Glibc

/// An address as the kernel knows it, with Envoy's spelling of it.
///
///     127.0.0.1:80     [::1]:80     /run/app.sock     @abstract
///
/// Equality and hash are those of the address; an IPv6 scope id counts, a flow label does not.
public enum SocketAddress: Hashable, Sendable {
    /// Network byte order is kept out of sight: `address` is the host-order number, 127.0.0.1 = 0x7F00_0001.
    case v4(address: UInt32, port: UInt16)
    case v6(high: UInt64, low: UInt64, port: UInt16, scope: UInt32)
    /// A path; a leading "@" means the abstract namespace, as in Envoy's configuration.
    case unix(path: String)

    public static let maxUnixPathBytes = 107

    /// Parses a literal IPv4 or IPv6 address without a port ("10.0.0.1", "::1", "fe80::1%eth0"); nil for a name.
    public init?(literal text: String, port: UInt16) {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            self = .v4(address: UInt32(bigEndian: four.s_addr), port: port)
            return
        }
        var bare = Substring(text)
        var scope: UInt32 = 0
        if let percent = text.firstIndex(of: "%") {
            bare = text[..<percent]
            let zone = String(text[text.index(after: percent)...])
            scope = UInt32(zone) ?? if_nametoindex(zone)
            if scope == 0 { return nil }
        }
        var six = in6_addr()
        guard inet_pton(AF_INET6, String(bare), &six) == 1 else { return nil }
        let (high, low) = SocketAddress.halves(of: six)
        self = .v6(high: high, low: low, port: port, scope: scope)
    }

    /// Parses "host:port", "[v6]:port", "/path" or "@name" with a literal host; nil for anything else.
    public init?(_ text: String) {
        if text.hasPrefix("/") || text.hasPrefix("@") {
            self = .unix(path: text)
            return
        }
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = UInt16(digits)
        else { return nil }
        var host = text[..<colon]
        // Without brackets the last group of an IPv6 address would pass for a port.
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if isBracketed { host = host.dropFirst().dropLast() }
        guard isBracketed == host.utf8.contains(UInt8(ascii: ":")) else { return nil }
        self.init(literal: String(host), port: port)
    }

    /// Reads what the kernel filled in; nil for a family that we do not serve. An unnamed Unix peer has an empty path.
    public init?(_ storage: borrowing sockaddr_storage, length: socklen_t) {
        var copy = copy storage
        switch Int32(copy.ss_family) {
        case AF_INET:
            self = withUnsafeBytes(of: &copy) { raw in
                let sin = raw.load(as: sockaddr_in.self)
                return .v4(address: UInt32(bigEndian: sin.sin_addr.s_addr), port: UInt16(bigEndian: sin.sin_port))
            }
        case AF_INET6:
            self = withUnsafeBytes(of: &copy) { raw in
                let sin6 = raw.load(as: sockaddr_in6.self)
                let (high, low) = SocketAddress.halves(of: sin6.sin6_addr)
                return .v6(high: high, low: low, port: UInt16(bigEndian: sin6.sin6_port), scope: sin6.sin6_scope_id)
            }
        case AF_UNIX:
            let pathBytes = Int(length) - MemoryLayout<sa_family_t>.size
            if pathBytes <= 0 {
                self = .unix(path: "")
                return
            }
            self = withUnsafeBytes(of: &copy) { raw in
                var bytes = Array(raw[MemoryLayout<sa_family_t>.size..<(MemoryLayout<sa_family_t>.size + pathBytes)])
                if bytes[0] == 0 {
                    bytes[0] = UInt8(ascii: "@")
                } else if let end = bytes.firstIndex(of: 0) {
                    bytes.removeSubrange(end...)
                }
                return .unix(path: String(decoding: bytes, as: UTF8.self))
            }
        default:
            return nil
        }
    }

    /// Calls `body` with the address in the kernel's form.
    public func withSockaddr<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        var storage = sockaddr_storage()
        var length: socklen_t = 0
        withUnsafeMutableBytes(of: &storage) { raw in
            switch self {
            case .v4(let address, let port):
                var sin = sockaddr_in()
                sin.sin_family = sa_family_t(AF_INET)
                sin.sin_port = port.bigEndian
                sin.sin_addr.s_addr = address.bigEndian
                raw.storeBytes(of: sin, as: sockaddr_in.self)
                length = socklen_t(MemoryLayout<sockaddr_in>.size)
            case .v6(let high, let low, let port, let scope):
                var sin6 = sockaddr_in6()
                sin6.sin6_family = sa_family_t(AF_INET6)
                sin6.sin6_port = port.bigEndian
                sin6.sin6_scope_id = scope
                withUnsafeMutableBytes(of: &sin6.sin6_addr) {
                    $0.storeBytes(of: high.bigEndian, toByteOffset: 0, as: UInt64.self)
                    $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
                }
                raw.storeBytes(of: sin6, as: sockaddr_in6.self)
                length = socklen_t(MemoryLayout<sockaddr_in6>.size)
            case .unix(let path):
                raw.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
                let start = MemoryLayout<sa_family_t>.size
                var count = 0
                for byte in path.utf8.prefix(SocketAddress.maxUnixPathBytes) {
                    raw[start + count] = byte
                    count += 1
                }
                if path.hasPrefix("@") {
                    raw[start] = 0
                    length = socklen_t(start + count)
                } else {
                    length = socklen_t(start + count + 1)
                }
            }
        }
        return withUnsafePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }

    public var family: Int32 {
        switch self {
        case .v4: AF_INET
        case .v6: AF_INET6
        case .unix: AF_UNIX
        }
    }

    public var isIP: Bool { family != AF_UNIX }

    /// Zero for Unix addresses.
    public var port: UInt16 {
        switch self {
        case .v4(_, let port), .v6(_, _, let port, _): port
        case .unix: 0
        }
    }

    public func with(port: UInt16) -> SocketAddress {
        switch self {
        case .v4(let address, _): .v4(address: address, port: port)
        case .v6(let high, let low, _, let scope): .v6(high: high, low: low, port: port, scope: scope)
        case .unix: self
        }
    }

    public var isLoopback: Bool {
        switch self {
        case .v4(let address, _): address >> 24 == 127
        case .v6(let high, let low, _, _): high == 0 && (low == 1 || low >> 24 == 0xFFFF7F)
        case .unix: true
        }
    }

    public var isUnspecified: Bool {
        switch self {
        case .v4(let address, _): address == 0
        case .v6(let high, let low, _, _): high == 0 && low == 0
        case .unix: false
        }
    }

    /// The address without port and without brackets: "127.0.0.1", "::1", "/path".
    public var addressWithoutPort: String {
        switch self {
        case .v4(let a, _):
            return "\(a >> 24).\(a >> 16 & 255).\(a >> 8 & 255).\(a & 255)"
        case .v6(let high, let low, _, let scope):
            var six = in6_addr()
            withUnsafeMutableBytes(of: &six) {
                $0.storeBytes(of: high.bigEndian, toByteOffset: 0, as: UInt64.self)
                $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
                inet_ntop(AF_INET6, &six, buffer.baseAddress, socklen_t(INET6_ADDRSTRLEN))
                return String(cString: buffer.baseAddress!)
            }
            return scope == 0 ? text : "\(text)%\(scope)"
        case .unix(let path):
            return path
        }
    }

    private static func halves(of address: in6_addr) -> (UInt64, UInt64) {
        withUnsafeBytes(of: address) {
            (
                UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
    }
}

extension SocketAddress: CustomStringConvertible {
    /// With the port, as Envoy writes it: "127.0.0.1:80", "[::1]:80", "/path".
    public var description: String {
        switch self {
        case .v4(_, let port): "\(addressWithoutPort):\(port)"
        case .v6(_, _, let port, _): "[\(addressWithoutPort)]:\(port)"
        case .unix(let path): path
        }
    }
}
