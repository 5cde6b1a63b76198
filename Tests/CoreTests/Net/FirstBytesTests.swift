import Glibc
import Testing

@testable import Core

/// The first bytes of a connection: read ahead from a client, sent along with a connect, not held back by the kernel.
@Suite struct FirstBytesTests {
    private let loopback: UInt32 = 0x7F00_0001

    private func noDelay(_ connection: Connection?) -> Bool {
        var value: Int32 = -1
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(connection?.descriptor ?? -1, Int32(IPPROTO_TCP), TCP_NODELAY, &value, &length)
        return value == 1
    }

    private func connect(_ port: UInt16, firstBytes: [UInt8]? = nil, endsDelay: Bool = true) throws
        -> ConnectionTests.ConnectBench
    {
        let bench = ConnectionTests.ConnectBench()
        let fd = try Sockets.makeStream(family: AF_INET)
        let error = Sockets.connect(fd, to: .v4(address: loopback, port: port))
        (firstBytes ?? []).withUnsafeBytes { bytes in
            bench.connection = Connection(
                connecting: fd, connectErrno: error, net: bench.net, handler: bench.handler, bufferLimitBytes: 1 << 20,
                endsDelay: endsDelay, firstBytes: firstBytes == nil ? nil : bytes)
        }
        return bench
    }

    private func accept(_ listener: TestListener) throws -> Int32 {
        for _ in 0..<1000 {
            if case .connection(let peer, _) = Sockets.accept(listener.fd) { return peer }
            usleep(1000)
        }
        throw SocketError(call: "accept", errno: ETIMEDOUT)
    }

    // MARK: TCP_NODELAY

    @Test func oneSmallWriteNeedsNoOption() throws {
        let listener = TestListener()
        let bench = try connect(listener.port)
        #expect(bench.loop.turn(untilMS: 5000) { bench.handler.events == [.connected] })
        Array("one".utf8).withUnsafeBytes { bench.connection?.write($0) }
        #expect(bench.connection?.bytesWritten == 3 && !noDelay(bench.connection))
        Array("two".utf8).withUnsafeBytes { bench.connection?.write($0) }
        #expect(bench.connection?.bytesWritten == 6 && noDelay(bench.connection))
    }

    @Test func aFirstWriteOfSeveralSegmentsSetsIt() throws {
        let listener = TestListener()
        let bench = try connect(listener.port)
        #expect(bench.loop.turn(untilMS: 5000) { bench.handler.events == [.connected] })
        [UInt8](repeating: 1, count: 513).withUnsafeBytes { bench.connection?.enqueue($0) }
        #expect(bench.loop.turn(untilMS: 5000) { bench.connection?.bytesWritten == 513 })
        #expect(noDelay(bench.connection))
    }

    @Test func whereTheConfigurationDecidesItStaysAsItIs() throws {
        let listener = TestListener()
        let bench = try connect(listener.port, endsDelay: false)
        #expect(bench.loop.turn(untilMS: 5000) { bench.handler.events == [.connected] })
        for _ in 0..<3 { [UInt8](repeating: 1, count: 600).withUnsafeBytes { bench.connection?.write($0) } }
        #expect(bench.connection?.bytesWritten == 1800 && !noDelay(bench.connection))
    }

    @Test func aSocketSpecLeavesTheOptionToTheConnectionUnlessItIsConfigured() {
        var spec = SocketSpec(address: .v4(address: loopback, port: 1))
        #expect(spec.endsDelay)
        spec.options = [SocketOptionSpec(level: Int32(IPPROTO_TCP), name: TCP_NODELAY, value: .int(0))]
        #expect(!spec.endsDelay)
        #expect(!SocketSpec(address: .unix(path: "/x")).endsDelay)
    }

    // MARK: With the connect

    @Test func bytesThatWaitLeaveWithTheConnect() throws {
        let listener = TestListener()
        let bench = try connect(listener.port, firstBytes: Array("request".utf8))
        #expect(bench.connection?.bytesWritten == 7 && bench.handler.events.isEmpty)
        bench.loop.turn(mayWait: false)
        #expect(bench.handler.events == [.connected])
        let peer = try accept(listener)
        defer { close(peer) }
        #expect(bench.loop.turn(untilMS: 5000) { ConnectionBench.readAvailable(peer).bytes == Array("request".utf8) })
    }

    @Test func aRefusalIsToldThoughTheWriteMetItFirst() throws {
        let bench = try connect(freePort(), firstBytes: Array("request".utf8))
        #expect(bench.handler.events.isEmpty)
        #expect(bench.loop.turn(untilMS: 5000) { !bench.handler.events.isEmpty })
        #expect(bench.handler.events == [.closed(.connectFailed(errno: ECONNREFUSED))])
    }

    // MARK: Reading ahead

    @Test func whatIsThereIsReadPastAPause() {
        let bench = ConnectionBench(starts: false)
        bench.connection.pauseReading(.notConnected)
        #expect(bench.connection.readAhead(100) == nil)
        bench.peerWrite("hello, world")
        let first = bench.connection.readAhead(5).map { String(decoding: $0, as: UTF8.self) }
        #expect(first == "hello" && bench.connection.bytesRead == 5)
        bench.connection.start()
        bench.settle()
        #expect(bench.handler.events.isEmpty, "still paused")
        bench.connection.resumeReading(.notConnected)
        bench.settle()
        #expect(bench.handler.text == ", world" && bench.connection.bytesRead == 12)
    }

    @Test func anEndIsLeftForTheOrdinaryRead() {
        let bench = ConnectionBench(starts: false)
        bench.closePeer()
        #expect(bench.connection.readAhead(100) == nil)
        bench.connection.start()
        bench.settle()
        #expect(bench.handler.events == [.endOfStream])
    }

    @Test func aResetIsToldAtTheEndOfTheTurn() {
        let bench = ConnectionBench(.tcp, starts: false)
        bench.closePeer(withReset: true)
        #expect(bench.turn { bench.connection.readAhead(100) == nil && !bench.handler.events.isEmpty })
        #expect(bench.handler.events == [.closed(.remoteReset)])
    }

    @Test func nothingIsReadBeforeAHandshake() {
        let transport = ScriptedTransport()
        transport.hasHandshake = true
        let bench = ConnectionBench(transport: transport, starts: false)
        bench.peerWrite("hello")
        #expect(bench.connection.readAhead(100) == nil && transport.readCount == 0)
    }
}
