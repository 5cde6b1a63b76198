import CoreBytes
import Glibc
import Testing

@testable import Core

/// What a connection must bear from a transport that is not plain bytes.
@Suite struct TransportSeamTests {
    private func stream(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

    @Test func shortWritesLoseNothing() {
        let transport = ScriptedTransport()
        transport.writes = [.atMost(1), .atMost(3), .wouldBlock, .atMost(2)]
        let bench = ConnectionBench(transport: transport)
        bench.write("hello, world")
        #expect(bench.connection.outputCount == 11)
        bench.settle(8)
        #expect(bench.peerText == "hello, world" && bench.connection.outputCount == 0)
    }

    @Test func shortReadsLoseNothing() {
        let transport = ScriptedTransport()
        transport.reads = [.atMost(1), .wouldBlock, .atMost(2)]
        let bench = ConnectionBench(transport: transport)
        bench.peerWrite("hello")
        bench.settle(8)
        #expect(bench.handler.events == [.bytes(1), .bytes(2), .bytes(2)] && bench.handler.text == "hello")
    }

    /// The write is tried again when bytes come, and not before: no spinning on a descriptor that takes bytes.
    @Test func aWriteThatMustReadFirstWaitsForBytes() {
        let transport = ScriptedTransport()
        transport.writes = [.wantsOther]
        let bench = ConnectionBench(transport: transport)
        bench.write("answer")
        bench.settle(8)
        #expect(transport.writeCount + transport.gatherCount == 1)
        #expect(bench.peerText == "" && bench.connection.outputCount == 6)
        bench.peerWrite("key update")
        bench.settle()
        #expect(bench.peerText == "answer" && bench.handler.text == "key update")
    }

    @Test func aWriteThatMustReadFirstIsServedThoughReadingIsPaused() {
        let transport = ScriptedTransport()
        transport.writes = [.wantsOther]
        let bench = ConnectionBench(transport: transport)
        bench.connection.pauseReading(.peerFull)
        bench.enqueue("answer")
        bench.settle()
        #expect(bench.peerText == "")
        bench.peerWrite("key update")
        bench.settle()
        #expect(bench.peerText == "answer")
        #expect(transport.readCount == 0 && bench.handler.events.isEmpty, "the handler wants no bytes yet")
        bench.connection.resumeReading(.peerFull)
        bench.settle()
        #expect(bench.handler.text == "key update")
    }

    @Test func aReadThatMustWriteFirstWaitsForRoom() {
        let transport = ScriptedTransport()
        transport.reads = [.wantsOther]
        let bench = ConnectionBench(transport: transport)
        bench.shrinkBuffers()
        // Fill the socket, so that it is not writable.
        let filler = [UInt8](repeating: 1, count: 65_536)
        while true {
            let n = filler.withUnsafeBytes {
                send(bench.connection.descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT))
            }
            if n <= 0 { break }
        }
        bench.peerWrite("secret")
        bench.settle(8)
        #expect(transport.readCount == 1 && bench.handler.events.isEmpty)
        _ = bench.peerRead()
        bench.settle()
        #expect(bench.handler.text == "secret")
        #expect(transport.readCount == 2)
    }

    @Test func closingWhileAWriteWaitsForBytesIsFinal() {
        let transport = ScriptedTransport()
        transport.writes = [.wantsOther]
        let bench = ConnectionBench(transport: transport)
        bench.write("answer")
        bench.connection.close(.flush)
        bench.settle()
        #expect(bench.handler.ends.isEmpty)
        bench.peerWrite("x")
        bench.settle()
        #expect(bench.peerText == "answer" && bench.handler.events == [.closed(.local)])
    }

    // MARK: Handshake

    /// As TLS will: the transport watches the descriptor itself until its handshake is through.
    private final class Handshake: EventTarget {
        let connection: Connection
        var readiness: Readiness?

        init(_ connection: Connection) {
            self.connection = connection
            super.init()
            readiness = Readiness(loop: connection.net.loop, fd: connection.descriptor, .read, target: self)
            readiness?.enable()
        }

        override func onReadable() {
            var hello = [UInt8](repeating: 0, count: 5)
            guard recv(connection.descriptor, &hello, 5, 0) == 5 else { return }
            readiness = nil
            connection.transportReady()
        }
    }

    @Test func nothingFlowsBeforeTheHandshake() {
        let transport = ScriptedTransport()
        transport.hasHandshake = true
        var handshake: Handshake?
        transport.onStart = { handshake = Handshake($0) }
        let bench = ConnectionBench(transport: transport)
        bench.write("early ")
        bench.enqueue("bird")
        bench.settle()
        #expect(bench.peerText == "" && bench.handler.events.isEmpty && transport.readCount == 0)
        bench.peerWrite("HELLOdata")
        bench.settle()
        #expect(bench.handler.events == [.connected, .bytes(4)] && bench.handler.text == "data")
        #expect(bench.peerText == "early bird")
        _ = handshake
    }

    @Test func aHandshakeThatEndsAfterTheConnectionSaysNothing() {
        let transport = ScriptedTransport()
        transport.hasHandshake = true
        let bench = ConnectionBench(transport: transport)
        bench.connection.close(.now)
        bench.connection.transportReady()
        bench.settle()
        #expect(bench.handler.events == [.closed(.local)])
    }

    @Test func anEndAskedForDuringTheHandshakeComesAfterIt() {
        let transport = ScriptedTransport()
        transport.hasHandshake = true
        let bench = ConnectionBench(transport: transport)
        bench.write("last")
        bench.connection.close(.flush)
        #expect(bench.handler.events.isEmpty)
        bench.connection.transportReady()
        bench.settle()
        #expect(bench.handler.events == [.closed(.local)] && bench.peerText == "last")
    }

    // MARK: All of it at once

    /// Bytes both ways through a transport that does anything a transport may do, on a schedule that the seed gives.
    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func noScheduleLosesOrReordersBytes(seed: UInt64) {
        var random = FastRandom(seed: seed)
        let transport = ScriptedTransport()
        // The two directions never wait for each other at the same time: that would be a broken transport.
        transport.endless = {
            let sizes = [1, 10, 1000, 100_000]
            func step() -> ScriptedTransport.Step {
                random.next() % 5 == 0 ? .wouldBlock : .atMost(sizes[Int(random.next() % 4)])
            }
            let readWaits = random.next() % 6 == 0
            return (readWaits ? .wantsOther : step(), step())
        }
        let bench = ConnectionBench(limitBytes: 20_000, transport: transport)
        bench.shrinkBuffers()
        let (up, down) = (stream(150_000), stream(170_000))
        var (sentUp, sentDown) = (0, 0)
        var got: [UInt8] = []
        var pauses = FastRandom(seed: seed ^ 0xFFFF)
        var ended = false
        let done = bench.turn(20_000) {
            if sentUp < up.count {
                let piece = Array(up[sentUp..<min(up.count, sentUp + 1 + Int(pauses.next() % 9000))])
                let n = piece.withUnsafeBytes { send(bench.peer, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) }
                if n > 0 { sentUp += n }
                if sentUp == up.count { shutdown(bench.peer, Int32(SHUT_WR)) }
            }
            while sentDown < down.count, !bench.connection.isAboveHigh {
                let end = min(down.count, sentDown + 1 + Int(pauses.next() % 9000))
                down[sentDown..<end].withUnsafeBytes {
                    if pauses.next() % 2 == 0 { bench.connection.write($0) } else { bench.connection.enqueue($0) }
                }
                sentDown = end
                if sentDown == down.count { bench.connection.closeWrite() }
            }
            if pauses.next() % 3 == 0 {
                bench.connection.pauseReading(.filter)
            } else {
                bench.connection.resumeReading(.filter)
            }
            let (bytes, end) = ConnectionBench.readAvailable(bench.peer, atMost: 1 + Int(pauses.next() % 20_000))
            got += bytes
            ended = ended || end
            return ended && !bench.handler.ends.isEmpty
        }
        #expect(done)
        #expect(got == down)
        #expect(bench.handler.received == up)
        #expect(bench.handler.ends == [.endOfStream])
        #expect(transport.closeCount == 1 && transport.shutdownCount == 1)
    }
}
