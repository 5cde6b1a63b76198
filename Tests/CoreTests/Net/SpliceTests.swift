import CoreBytes
import Glibc
import Testing

@testable import Core

/// Bulk from one socket to another through a pipe: the bytes, the pauses, the ends, and the way back to copying.
@Suite struct SpliceTests {
    /// One direction of a relay over two real connections, with both far ends in the test's hand.
    private final class Relay: ConnectionHandler {
        let loop = EventLoop()
        let net: NetContext
        private(set) var source: Connection!
        private(set) var target: Connection!
        let sender: Int32
        let receiver: Int32
        var copied = 0
        var spliced = 0
        var refusals = 0
        var pauses = 0
        var ends: [ConnectionEnd] = []

        init(_ kind: ConnectionBench.Kind, limitBytes: Int = 1 << 20) {
            net = NetContext(loop: loop, windowBytes: 1 << 20)
            let (incoming, sender) = kind == .unix ? ConnectionBench.unixPair() : ConnectionBench.tcpPair()
            let (outgoing, receiver) = kind == .unix ? ConnectionBench.unixPair() : ConnectionBench.tcpPair()
            self.sender = sender
            self.receiver = receiver
            super.init()
            source = Connection(accepted: incoming, net: net, handler: self, bufferLimitBytes: limitBytes)
            target = Connection(accepted: outgoing, net: net, handler: self, bufferLimitBytes: limitBytes)
            source.start()
            target.start()
            source.relay(to: target)
        }

        deinit {
            source.discard()
            target.discard()
            loop.turn(mayWait: false)
            close(sender)
            close(receiver)
        }

        override func onBytes(_ connection: Connection, _ bytes: UnsafeRawBufferPointer) {
            copied += bytes.count
            target.write(bytes)
        }
        override func onSpliced(_ connection: Connection, _ count: Int) { spliced += count }
        override func onSpliceRefused(_ connection: Connection) { refusals += 1 }
        override func onEndOfStream(_ connection: Connection) { if connection === source { target.closeWrite() } }
        override func onOutputHigh(_ connection: Connection) {
            pauses += 1
            source.pauseReading(.peerFull)
        }
        override func onOutputLow(_ connection: Connection) { source.resumeReading(.peerFull) }
        override func onClosed(_ connection: Connection, _ end: ConnectionEnd) { ends.append(end) }

        /// Sends `bytes` and reads at the far end until all have come, `step` at a time. True when they are the same.
        func carry(_ bytes: [UInt8], reading step: Int = .max, ends: Bool = true) -> Bool {
            var sent = 0
            var got: [UInt8] = []
            var hasEnded = false
            let done = loop.turn(untilMS: 20_000) {
                if sent < bytes.count {
                    let n = bytes[sent...].withUnsafeBytes {
                        send(sender, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
                    }
                    if n > 0 { sent += n }
                    if sent == bytes.count, ends { shutdown(sender, Int32(SHUT_WR)) }
                }
                let (more, ended) = ConnectionBench.readAvailable(receiver, atMost: step)
                got += more
                hasEnded = hasEnded || ended
                return got.count >= bytes.count && hasEnded == ends
            }
            return done && got == bytes
        }
    }

    private func stream(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

    @Test(arguments: [ConnectionBench.Kind.tcp, .unix])
    func bulkArrivesWholeAndUnseen(_ kind: ConnectionBench.Kind) {
        let relay = Relay(kind)
        #expect(relay.carry(stream(8 << 20)))
        #expect(relay.spliced > relay.copied)
        #expect(relay.copied + relay.spliced == 8 << 20)
        #expect(relay.source.bytesRead == 8 << 20 && relay.target.bytesWritten == 8 << 20)
        #expect(relay.net.pipes.openCount == 1)
    }

    @Test func aSlowReaderPausesTheSourceAndLosesNothing() {
        let relay = Relay(.tcp)
        Sockets.set(relay.target.descriptor, SOL_SOCKET, SO_SNDBUF, 32_768)
        Sockets.set(relay.receiver, SOL_SOCKET, SO_RCVBUF, 32_768)
        #expect(relay.carry(stream(6 << 20), reading: 20_000))
        #expect(relay.spliced > 0 && relay.pauses > 0)
    }

    @Test func smallMessagesAreNeverSpliced() {
        let relay = Relay(.tcp)
        for _ in 0..<50 { #expect(relay.carry(stream(2_000), ends: false)) }
        #expect(relay.spliced == 0)
    }

    @Test func aFlowThatIsBulkNoMoreIsCopiedAgain() {
        let relay = Relay(.tcp)
        #expect(relay.carry(stream(4 << 20), ends: false))
        #expect(relay.spliced > 0)
        for _ in 0..<8 { #expect(relay.carry(stream(100), ends: false)) }
        let before = relay.spliced
        #expect(relay.carry(stream(100), ends: false))
        #expect(relay.spliced == before)
    }

    @Test func aSmallLimitKeepsToCopying() {
        let relay = Relay(.tcp, limitBytes: 65_536)
        #expect(relay.carry(stream(2 << 20)))
        #expect(relay.spliced == 0)
    }

    @Test func withoutPipesBytesAreCopied() {
        let relay = Relay(.tcp)
        // As where the system has refused one a moment ago.
        relay.net.pipes.refuse(until: relay.loop.now.advanced(byMS: 60_000))
        #expect(relay.carry(stream(4 << 20)))
        #expect(relay.spliced == 0 && relay.refusals > 0)
    }

    @Test func aPipeWithBytesInItIsNotLentAgain() {
        let relay = Relay(.tcp)
        Sockets.set(relay.target.descriptor, SOL_SOCKET, SO_SNDBUF, 32_768)
        Sockets.set(relay.receiver, SOL_SOCKET, SO_RCVBUF, 32_768)
        // Until the flow is bulk and its queue empty.
        #expect(relay.carry(stream(4 << 20), ends: false))
        let bytes = stream(4 << 20)
        let isStuck = relay.loop.turn(untilMS: 10_000) {
            _ = bytes.withUnsafeBytes { send(relay.sender, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) }
            return relay.target.outputPipe != nil
        }
        #expect(isStuck && relay.net.pipes.openCount == 1)
        relay.target.close(.now)
        #expect(relay.net.pipes.openCount == 0)
        #expect(relay.ends == [.local])
    }
}
