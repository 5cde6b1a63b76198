import Glibc
import Testing

@testable import Core
@testable import CoreBytes

/// Reading, writing and flow control of one connection over a real socket.
@Suite struct ConnectionTests {
    /// Bytes that tell their place in the stream.
    private func stream(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

    // MARK: Reading

    @Test func bytesArriveInOrder() {
        let bench = ConnectionBench()
        bench.peerWrite("one ")
        bench.settle()
        bench.peerWrite("two")
        bench.settle()
        #expect(bench.handler.text == "one two")
        #expect(bench.connection.bytesRead == 7)
        #expect(bench.handler.events == [.bytes(4), .bytes(3)])
    }

    @Test func aReadTakesNoMoreThanTheOtherSideMayHold() {
        let bench = ConnectionBench(limitBytes: 10_000)
        ConnectionBench.writeAll(bench.peer, stream(50_000))
        #expect(bench.turn { bench.handler.received.count == 50_000 })
        #expect(bench.handler.received == stream(50_000))
        let sizes = bench.handler.events.compactMap { if case .bytes(let n) = $0 { n } else { nil } }
        #expect(sizes.allSatisfy { $0 <= 10_000 } && sizes.count >= 5)
    }

    @Test func readingGoesOnOnlyWhenNobodyWantsAPause() {
        let bench = ConnectionBench()
        bench.connection.pauseReading(.peerFull)
        bench.connection.pauseReading(.filter)
        bench.connection.pauseReading(.filter)
        bench.peerWrite("wait")
        bench.settle()
        bench.connection.resumeReading(.peerFull)
        bench.settle()
        #expect(bench.handler.events.isEmpty && bench.connection.isReadingPaused)
        bench.connection.resumeReading(.filter)
        bench.settle()
        #expect(bench.handler.text == "wait" && !bench.connection.isReadingPaused)
    }

    @Test func aPauseInsideACallbackHoldsTheNextBytes() {
        let bench = ConnectionBench(limitBytes: 4096)
        bench.handler.react = { connection, event in if case .bytes = event { connection.pauseReading(.filter) } }
        ConnectionBench.writeAll(bench.peer, stream(8192))
        bench.settle()
        #expect(bench.handler.received.count == 4096)
        bench.connection.resumeReading(.filter)
        bench.settle()
        #expect(bench.handler.received == stream(8192))
    }

    @Test func nothingIsReadBeforeStart() {
        let bench = ConnectionBench(starts: false)
        bench.peerWrite("early")
        bench.settle()
        #expect(bench.handler.events.isEmpty)
        bench.connection.start()
        bench.settle()
        #expect(bench.handler.text == "early")
    }

    // MARK: Writing

    @Test func aWriteLeavesAtOnceWhenNothingWaits() {
        let bench = ConnectionBench()
        bench.write("now")
        #expect(bench.peerText == "now")
        #expect(bench.connection.bytesWritten == 3 && bench.connection.outputCount == 0)
    }

    @Test func collectedWritesLeaveTogetherAtTheEndOfTheTurn() {
        let transport = ScriptedTransport()
        let bench = ConnectionBench(transport: transport)
        for word in ["a", "b", "c", "d"] { bench.enqueue(word) }
        #expect(bench.peerText == "" && bench.connection.outputCount == 4)
        bench.loop.turn(mayWait: false)
        #expect(bench.peerText == "abcd")
        #expect(transport.gatherCount == 1 && transport.writeCount == 0)
        bench.settle()
        #expect(transport.gatherCount == 1, "nothing more to flush")
    }

    @Test func aWriteDoesNotOvertakeWhatWaits() {
        let bench = ConnectionBench()
        bench.enqueue("first ")
        bench.write("second ")
        bench.enqueue("third")
        bench.settle()
        #expect(bench.peerText == "first second third")
    }

    @Test func whatIsWrittenBeforeStartLeavesAtStart() {
        let bench = ConnectionBench(starts: false)
        bench.write("hello ")
        bench.enqueue("there")
        bench.connection.closeWrite()
        bench.settle()
        #expect(bench.peerText == "")
        bench.connection.start()
        bench.settle()
        #expect(bench.peerText == "hello there")
        #expect(bench.peerEnd == 0)
    }

    @Test func whatTheKernelRefusesArrivesLaterAndInOrder() {
        let bench = ConnectionBench()
        bench.shrinkBuffers()
        let bytes = stream(1_000_000)
        for begin in stride(from: 0, to: bytes.count, by: 100_000) {
            bench.write(Array(bytes[begin..<(begin + 100_000)]))
        }
        #expect(bench.connection.outputCount > 0)
        var got: [UInt8] = []
        #expect(
            bench.turn {
                got += bench.peerRead()
                return got.count >= bytes.count
            })
        #expect(got == bytes)
        #expect(bench.connection.outputCount == 0 && bench.connection.bytesWritten == 1_000_000)
    }

    @Test func aDrainedConnectionKeepsNoChunk() {
        let bench = ConnectionBench()
        bench.shrinkBuffers()
        bench.write(stream(200_000))
        let waiting = bench.connection.outputCount
        #expect(waiting > 100_000)
        #expect(
            bench.turn {
                _ = bench.peerRead()
                return bench.connection.outputCount == 0
            })
        #expect(bench.net.pool.freeCount == (waiting + ChunkPool.payloadSize - 1) / ChunkPool.payloadSize)
    }

    // MARK: Watermarks

    @Test func theWatermarksAreToldOnceEachWay() {
        let bench = ConnectionBench(limitBytes: 64 << 10)
        bench.shrinkBuffers()
        for round in 1...2 {
            while !bench.connection.isAboveHigh { bench.write(stream(10_000)) }
            #expect(bench.connection.outputCount > 64 << 10)
            bench.write(stream(10_000))
            bench.settle()
            #expect(bench.handler.events.count { $0 == .high } == round)
            var lowAt = 0
            bench.handler.react = { connection, event in if event == .low { lowAt = connection.outputCount } }
            #expect(
                bench.turn {
                    _ = bench.peerRead(atMost: 4096)
                    return !bench.connection.isAboveHigh
                })
            #expect(lowAt <= 32 << 10, "low is half of high")
            #expect(bench.handler.events.count { $0 == .low } == round)
            #expect(
                bench.turn {
                    _ = bench.peerRead()
                    return bench.connection.outputCount == 0
                })
        }
        #expect(bench.handler.events == [.high, .low, .high, .low])
    }

    @Test func withoutALimitNothingIsTold() {
        let bench = ConnectionBench(limitBytes: 0)
        bench.shrinkBuffers()
        bench.write(stream(3 << 20))
        #expect(bench.connection.outputCount > 2 << 20 && bench.handler.events.isEmpty)
    }

    // MARK: Half-close

    @Test func thePeersEndLeavesOurDirectionOpen() {
        let bench = ConnectionBench()
        bench.peerWrite("bye")
        shutdown(bench.peer, Int32(SHUT_WR))
        bench.settle()
        #expect(bench.handler.events == [.bytes(3), .endOfStream])
        #expect(bench.connection.hasReadEnd && !bench.connection.isClosed)
        bench.write("still here")
        #expect(bench.peerText == "still here")
        bench.connection.closeWrite()
        #expect(bench.handler.ends.isEmpty, "never from inside the caller's call")
        bench.settle()
        #expect(bench.handler.ends == [.endOfStream])
        #expect(bench.peerEnd == 0)
    }

    @Test func ourEndComesAfterOurLastByte() {
        let bench = ConnectionBench()
        bench.shrinkBuffers()
        let bytes = stream(300_000)
        bench.write(bytes)
        bench.connection.closeWrite()
        bench.write("too late")
        bench.enqueue("too late")
        #expect(!bench.connection.hasWriteEnd)
        var got: [UInt8] = []
        #expect(
            bench.turn {
                got += bench.peerRead()
                return bench.connection.hasWriteEnd
            })
        got += bench.peerRead()
        #expect(got == bytes && bench.peerEnd == 0)
        // The other direction flows on, and its end is the end of all.
        bench.peerWrite("answer")
        bench.settle()
        #expect(bench.handler.text == "answer" && bench.handler.ends.isEmpty)
        bench.closePeer()
        bench.settle()
        #expect(bench.handler.ends == [.endOfStream])
    }

    @Test func halfCloseIsDoneOnce() {
        let transport = ScriptedTransport()
        let bench = ConnectionBench(transport: transport)
        bench.connection.closeWrite()
        bench.connection.closeWrite()
        bench.settle()
        #expect(transport.shutdownCount == 1 && bench.connection.hasWriteEnd && !bench.connection.isClosed)
    }

    // MARK: Connecting

    private func connect(_ port: UInt16, _ react: @escaping (Connection, RecordingHandler.Event) -> Void = { _, _ in })
        throws -> (ConnectBench, Int32)
    {
        let bench = ConnectBench()
        bench.handler.react = react
        let fd = try Sockets.makeStream(family: AF_INET)
        let error = Sockets.connect(fd, to: .v4(address: 0x7F00_0001, port: port))
        bench.connection = Connection(
            connecting: fd, connectErrno: error, net: bench.net, handler: bench.handler, bufferLimitBytes: 1 << 20)
        return (bench, error)
    }

    final class ConnectBench {
        let loop = EventLoop()
        let handler = RecordingHandler()
        lazy var net = NetContext(loop: loop)
        var connection: Connection?
        deinit {
            connection?.discard()
            loop.turn(mayWait: false)
        }
    }

    @Test func aConnectIsToldAndWhatWasWrittenBeforeFollows() throws {
        let listener = TestListener()
        let (bench, _) = try connect(listener.port)
        Array("hi".utf8).withUnsafeBytes { bench.connection?.write($0) }
        #expect(bench.connection?.isConnecting == true && bench.handler.events.isEmpty)
        #expect(bench.loop.turn(untilMS: 5000) { bench.handler.events == [.connected] })
        guard case .connection(let peer, _) = Sockets.accept(listener.fd) else {
            Issue.record("no connection came")
            return
        }
        defer { close(peer) }
        #expect(bench.loop.turn(untilMS: 5000) { bench.connection?.outputCount == 0 })
        #expect(ConnectionBench.readAvailable(peer).bytes == Array("hi".utf8))
    }

    @Test func aRefusedConnectIsAnEndWithItsReason() throws {
        let (bench, _) = try connect(freePort())
        #expect(bench.handler.events.isEmpty)
        #expect(bench.loop.turn(untilMS: 5000) { !bench.handler.events.isEmpty })
        #expect(bench.handler.events == [.closed(.connectFailed(errno: ECONNREFUSED))])
    }

    @Test func anImmediateFailureComesInALaterCallback() throws {
        let bench = ConnectBench()
        let fd = try Sockets.makeStream(family: AF_INET)
        bench.connection = Connection(
            connecting: fd, connectErrno: ENETUNREACH, net: bench.net, handler: bench.handler, bufferLimitBytes: 0)
        #expect(bench.handler.events.isEmpty)
        bench.loop.turn(mayWait: false)
        #expect(bench.handler.events == [.closed(.connectFailed(errno: ENETUNREACH))])
    }

    @Test func closingWhileConnectingIsQuietAfterwards() throws {
        let listener = TestListener()
        let (bench, _) = try connect(listener.port)
        bench.connection?.close(.flush)
        #expect(bench.handler.events == [.closed(.local)])
        #expect(!bench.loop.turn(untilMS: 20) { bench.handler.events.count > 1 })
    }
}
