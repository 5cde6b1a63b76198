import Glibc
import Testing

@testable import Core

/// The ways a connection ends, each told once.
@Suite struct ConnectionCloseTests {
    private let many = [UInt8](repeating: 7, count: 400_000)

    private func drain(_ bench: ConnectionBench, until condition: () -> Bool) -> Int {
        var count = 0
        let done = bench.turn {
            count += bench.peerRead().count
            return condition()
        }
        #expect(done)
        return count + bench.peerRead().count
    }

    // MARK: By us

    @Test func closeNowDropsWhatWaits() {
        let bench = ConnectionBench()
        bench.enqueue("never sent")
        bench.connection.close(.now)
        #expect(bench.handler.events == [.closed(.local)] && bench.connection.isClosed)
        #expect(bench.peerEnd == 0 && bench.peerText == "")
        bench.connection.close(.now)
        bench.write("after")
        bench.settle()
        #expect(bench.handler.events == [.closed(.local)])
    }

    @Test func flushDeliversEverythingThenCloses() {
        let bench = ConnectionBench()
        bench.shrinkBuffers()
        bench.write(many)
        bench.connection.close(.flush)
        bench.write("too late")
        #expect(bench.handler.ends.isEmpty)
        #expect(drain(bench) { !bench.handler.ends.isEmpty } == many.count)
        #expect(bench.handler.events == [.closed(.local)] && bench.peerEnd == 0)
    }

    @Test func flushWithNothingWaitingClosesAtOnce() {
        let bench = ConnectionBench()
        bench.connection.close(.flush)
        #expect(bench.handler.events == [.closed(.local)])
    }

    @Test func flushReadsNoMore() {
        let bench = ConnectionBench()
        bench.shrinkBuffers()
        bench.write(many)
        bench.connection.close(.flush)
        bench.peerWrite("nobody listens")
        bench.settle()
        #expect(bench.handler.events.isEmpty)
    }

    @Test func resetIsSeenByThePeer() {
        let bench = ConnectionBench(.tcp)
        bench.connection.close(.reset)
        #expect(bench.handler.events == [.closed(.local)])
        #expect(bench.peerEnd == ECONNRESET)
    }

    @Test func resetAfterFlushDeliversThenResets() {
        let bench = ConnectionBench(.tcp)
        bench.enqueue("last words")
        bench.connection.resetAfterFlush()
        #expect(bench.handler.ends.isEmpty)
        #expect(bench.turn { !bench.handler.ends.isEmpty })
        #expect(bench.peerText == "last words")
        #expect(bench.peerEnd == ECONNRESET)
    }

    @Test func discardTellsNobody() {
        let bench = ConnectionBench()
        bench.enqueue("dropped")
        bench.connection.discard()
        bench.settle()
        #expect(bench.handler.events.isEmpty && bench.connection.isClosed && bench.peerEnd == 0)
    }

    @Test func discardWithResetResets() {
        let bench = ConnectionBench(.tcp)
        bench.connection.discard(withReset: true)
        #expect(bench.peerEnd == ECONNRESET && bench.handler.events.isEmpty)
    }

    @Test func closingInsideACallbackIsSafeAndFinal() {
        let bench = ConnectionBench(limitBytes: 4096)
        bench.handler.react = { connection, event in if case .bytes = event { connection.close(.now) } }
        ConnectionBench.writeAll(bench.peer, [UInt8](repeating: 1, count: 20_000))
        shutdown(bench.peer, Int32(SHUT_WR))
        bench.settle()
        #expect(bench.handler.events == [.bytes(4096), .closed(.local)])
    }

    @Test func aHandlerMayDropTheConnectionInsideItsEnd() {
        let loop = EventLoop()
        let net = NetContext(loop: loop, windowBytes: 4096)
        let handler = RecordingHandler()
        let (ours, theirs) = ConnectionBench.unixPair()
        var connection: Connection? = Connection(accepted: ours, net: net, handler: handler, bufferLimitBytes: 0)
        weak let watched = connection
        handler.react = { _, event in if case .closed = event { connection = nil } }
        connection?.start()
        close(theirs)
        loop.turn(mayWait: false)
        #expect(handler.events == [.endOfStream])
        connection?.close(.now)
        #expect(watched != nil, "buried, not dead, inside its own call")
        loop.turn(mayWait: false)
        #expect(watched == nil)
    }

    // MARK: Lingering

    @Test func lingeringSendsTheEndAndWaitsForThePeers() {
        let bench = ConnectionBench(.tcp)
        bench.write("bye")
        bench.connection.close(.flushAndLinger(delayMS: 60_000))
        #expect(bench.peerText == "bye" && bench.peerEnd == 0)
        bench.peerWrite("unread input must not become a reset")
        bench.settle()
        #expect(bench.handler.events.isEmpty, "input is dropped without a word")
        bench.closePeer()
        #expect(bench.turn { !bench.handler.events.isEmpty })
        #expect(bench.handler.events == [.closed(.local)])
    }

    @Test func lingeringEndsWithItsTime() {
        let bench = ConnectionBench()
        let began = Instant.read()
        bench.connection.close(.flushAndLinger(delayMS: 40))
        #expect(bench.handler.ends.isEmpty && bench.peerEnd == 0)
        #expect(bench.turn { !bench.handler.ends.isEmpty })
        #expect(bench.handler.ends == [.local] && Instant.read().milliseconds(since: began) >= 40)
    }

    @Test func lingeringDeliversWhatWaitsFirst() {
        let bench = ConnectionBench()
        bench.shrinkBuffers()
        bench.write(many)
        bench.connection.close(.flushAndLinger(delayMS: 60_000))
        #expect(drain(bench) { bench.connection.hasWriteEnd } == many.count)
        #expect(bench.handler.ends.isEmpty)
        bench.closePeer()
        #expect(bench.turn { bench.handler.ends == [.local] })
    }

    @Test func thePeersEndDuringTheFlushNeedsNoLingering() {
        let bench = ConnectionBench()
        bench.shrinkBuffers()
        bench.write(many)
        bench.connection.close(.flushAndLinger(delayMS: 60_000))
        shutdown(bench.peer, Int32(SHUT_WR))
        bench.settle()
        #expect(bench.handler.ends.isEmpty, "not before everything was delivered")
        #expect(drain(bench) { !bench.handler.ends.isEmpty } == many.count)
        #expect(bench.handler.ends == [.local])
    }

    @Test func aPeerThatTakesNothingIsLeftWhenTheTimeIsUp() {
        let bench = ConnectionBench()
        bench.shrinkBuffers()
        bench.write(many)
        bench.connection.close(.flushAndLinger(delayMS: 30))
        #expect(bench.turn { !bench.handler.ends.isEmpty })
        #expect(bench.handler.ends == [.local])
    }

    // MARK: By the peer and by errors

    @Test func aResetByThePeerIsToldAsSuch() {
        let bench = ConnectionBench(.tcp)
        bench.closePeer(withReset: true)
        #expect(bench.turn { !bench.handler.events.isEmpty })
        #expect(bench.handler.events == [.closed(.remoteReset)])
    }

    @Test func aResetIsNoticedByAPausedReaderThatWrites() {
        let bench = ConnectionBench(.tcp)
        bench.connection.pauseReading(.peerFull)
        bench.closePeer(withReset: true)
        usleep(5000)
        bench.write("into the void")
        #expect(bench.handler.events.isEmpty, "an error inside a write waits for the end of the turn")
        bench.write("ignored")
        bench.settle()
        #expect(bench.handler.events == [.closed(.remoteReset)])
    }

    @Test func aWriteErrorIsToldAtTheEndOfTheTurn() {
        let transport = ScriptedTransport()
        transport.writes = [.fail(ENOBUFS)]
        let bench = ConnectionBench(transport: transport)
        bench.peerWrite("not read any more")
        bench.write("x")
        #expect(bench.handler.events.isEmpty)
        bench.loop.turn(mayWait: false)
        #expect(bench.handler.ends == [.failed(errno: ENOBUFS)])
        #expect(transport.closeCount == 1)
    }

    @Test func aFlushErrorEndsTheConnection() {
        let transport = ScriptedTransport()
        transport.writes = [.atMost(2), .fail(EPIPE)]
        let bench = ConnectionBench(transport: transport)
        bench.write("abcdef")
        #expect(bench.connection.outputCount == 4)
        bench.settle()
        #expect(bench.handler.events == [.closed(.remoteReset)])
    }

    @Test func aReadErrorEndsTheConnection() {
        let transport = ScriptedTransport()
        transport.reads = [.fail(EPROTO)]
        let bench = ConnectionBench(transport: transport)
        bench.peerWrite("x")
        bench.settle()
        #expect(bench.handler.events == [.closed(.transportFailed)])
    }

    @Test func closingAfterAWriteErrorIsOurs() {
        let transport = ScriptedTransport()
        transport.writes = [.fail(EPIPE)]
        let bench = ConnectionBench(transport: transport)
        bench.write("x")
        bench.connection.close(.flush)
        #expect(bench.handler.events == [.closed(.local)])
        bench.settle()
        #expect(bench.handler.events.count == 1)
    }
}
