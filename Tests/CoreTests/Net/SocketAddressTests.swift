import Glibc
import Testing

@testable import Core

@Suite struct SocketAddressTests {
    @Test(arguments: [
        ("127.0.0.1:80", "127.0.0.1:80"), ("0.0.0.0:0", "0.0.0.0:0"),
        ("255.255.255.255:65535", "255.255.255.255:65535"),
        ("[::1]:80", "[::1]:80"), ("[::]:0", "[::]:0"), ("[2001:DB8:0:0:0:0:0:1]:443", "[2001:db8::1]:443"),
        ("[::ffff:10.0.0.1]:1", "[::ffff:10.0.0.1]:1"), ("[fe80::1%3]:9", "[fe80::1%3]:9"),
        ("/run/app.sock", "/run/app.sock"), ("@abstract", "@abstract"),
    ])
    func textsAreReadAndWritten(text: String, written: String) throws {
        let address = try #require(SocketAddress(text))
        #expect(address.description == written)
        #expect(SocketAddress(written) == address, "what we write we read")
    }

    @Test(arguments: [
        "", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+80", "127.0.0.1: 80",
        "127.0.0.1:http", "127.0.0.256:80", "127.1:80", "localhost:80", "::1", "::1:80", "2001:db8::1", "[::1]",
        "[::1]:", "[127.0.0.1]:80", "[::1:80", "::1]:80", "[fe80::1%]:80", "[fe80::1%no-such-interface]:80", "[]:1",
    ])
    func otherTextsAreNone(text: String) {
        #expect(SocketAddress(text) == nil)
    }

    @Test func literalsStandWithoutPort() {
        #expect(SocketAddress(literal: "10.1.2.3", port: 7) == .v4(address: 0x0A01_0203, port: 7))
        #expect(SocketAddress(literal: "::1", port: 7) == .v6(high: 0, low: 1, port: 7, scope: 0))
        #expect(
            SocketAddress(literal: "1:2:3:4:5:6:7:8", port: 0)
                == .v6(high: 0x0001_0002_0003_0004, low: 0x0005_0006_0007_0008, port: 0, scope: 0))
        let loopback = if_nametoindex("lo")
        #expect(
            SocketAddress(literal: "fe80::1%lo", port: 0) == .v6(high: 0xFE80 << 48, low: 1, port: 0, scope: loopback))
        #expect(SocketAddress(literal: "example.com", port: 0) == nil)
        #expect(SocketAddress(literal: "[::1]", port: 0) == nil)
        #expect(SocketAddress(literal: " 10.0.0.1", port: 0) == nil)
    }

    @Test(arguments: [
        "192.0.2.1:5000", "[2001:db8::ff00:42:8329]:8080", "[fe80::1%2]:1", "/tmp/a socket", "@name",
    ])
    func theKernelsFormGoesThereAndBack(text: String) throws {
        let address = try #require(SocketAddress(text))
        let back = address.withSockaddr { pointer, length in
            var storage = sockaddr_storage()
            withUnsafeMutableBytes(of: &storage) { $0.copyMemory(from: .init(start: pointer, count: Int(length))) }
            return SocketAddress(storage, length: length)
        }
        #expect(back == address)
        let family = address.withSockaddr { pointer, _ in Int32(pointer.pointee.sa_family) }
        #expect(family == address.family)
    }

    @Test func anUnnamedUnixPeerHasAnEmptyPath() {
        let (ours, theirs) = ConnectionBench.unixPair()
        #expect(Sockets.remoteAddress(ours) == .unix(path: ""))
        close(ours)
        close(theirs)
        #expect(Sockets.remoteAddress(-1) == nil)
    }

    @Test func anUnknownFamilyIsNone() {
        var storage = sockaddr_storage()
        storage.ss_family = sa_family_t(AF_NETLINK)
        #expect(SocketAddress(storage, length: 16) == nil)
    }

    @Test func aPathOfTheGreatestLengthFits() {
        let path = "/" + String(repeating: "a", count: SocketAddress.maxUnixPathBytes - 1)
        let length = SocketAddress.unix(path: path).withSockaddr { $1 }
        #expect(Int(length) == MemoryLayout<sockaddr_un>.size)
    }

    @Test func portsAreReplaced() throws {
        let six = try #require(SocketAddress("[fe80::1%3]:9"))
        #expect(six.with(port: 10).description == "[fe80::1%3]:10" && six.port == 9)
        #expect(SocketAddress("1.2.3.4:5")?.with(port: 6).description == "1.2.3.4:6")
        #expect(
            SocketAddress.unix(path: "/a").with(port: 6) == .unix(path: "/a")
                && SocketAddress.unix(path: "/a").port == 0)
    }

    @Test(arguments: [
        ("127.0.0.1:1", true, false), ("127.255.0.9:1", true, false), ("128.0.0.1:1", false, false),
        ("0.0.0.0:1", false, true), ("[::1]:1", true, false), ("[::]:1", false, true), ("[::2]:1", false, false),
        ("[::ffff:127.0.0.1]:1", true, false), ("[1::1]:1", false, false), ("/path", true, false),
    ])
    func loopbackAndUnspecified(text: String, isLoopback: Bool, isUnspecified: Bool) throws {
        let address = try #require(SocketAddress(text))
        #expect(address.isLoopback == isLoopback && address.isUnspecified == isUnspecified)
        #expect(address.isIP == !text.hasPrefix("/"))
    }

    @Test func equalityIsThatOfTheAddress() {
        #expect(SocketAddress("[::1]:80") != SocketAddress("[::1%1]:80"))
        #expect(SocketAddress("10.0.0.1:80") != SocketAddress("[::ffff:10.0.0.1]:80"))
        #expect(SocketAddress("[0::1]:80")?.hashValue == SocketAddress("[::1]:80")?.hashValue)
    }
}
