// Kernel pipes through which bulk bytes pass from socket to socket without being copied.

import CLinux
import Glibc

/// One pipe and what is in it.
final class SplicePipe {
    let readFD: Int32
    let writeFD: Int32
    let capacityBytes: Int
    /// Bytes inside.
    var count = 0

    init(readFD: Int32, writeFD: Int32, capacityBytes: Int) {
        self.readFD = readFD
        self.writeFD = writeFD
        self.capacityBytes = capacityBytes
    }

    deinit {
        close(readFD)
        close(writeFD)
    }
}

/// The pipes of one worker. A pipe is borrowed for a burst and comes back empty, so that as many are in use as there are
/// sockets which have stopped taking bytes in the middle of one.
///
/// Where the system refuses pipes (descriptors, `pipe-user-pages-soft`), or gives small ones, bytes are copied instead:
/// slower, never wrong. The system is not asked again for a second; ``ConnectionHandler/onSpliceRefused(_:)`` hears of
/// each read that was copied for that.
final class PipePool {
    /// What one splice may move: fewer, larger moves are what it is all for (docs/decisions/0004).
    static let pipeBytes = 1 << 20
    private static let leastBytes = 256 << 10
    private static let maxOpen = 256
    private static let maxIdle = 16
    private static let refusalMS: Int64 = 1_000

    private var idle: [SplicePipe] = []
    private(set) var openCount = 0
    private var nextTry = Instant(nanoseconds: 0)

    /// An empty pipe, or nil: then copy.
    func take(now: Instant) -> SplicePipe? {
        if let pipe = idle.popLast() { return pipe }
        guard now >= nextTry else { return nil }
        guard openCount < PipePool.maxOpen, let made = PipePool.make() else {
            refuse(until: now.advanced(byMS: PipePool.refusalMS))
            return nil
        }
        openCount += 1
        return made
    }

    /// Lends no new pipe before `time`.
    func refuse(until time: Instant) { nextTry = time }

    /// Takes a pipe back; one with bytes in it is closed.
    func giveBack(_ pipe: SplicePipe) {
        if pipe.count == 0, idle.count < PipePool.maxIdle {
            idle.append(pipe)
        } else {
            openCount -= 1
        }
    }

    private static func make() -> SplicePipe? {
        var ends: (Int32, Int32) = (-1, -1)
        let held = withUnsafeMutablePointer(to: &ends) {
            $0.withMemoryRebound(to: Int32.self, capacity: 2) { linux_make_pipe($0, Int32(pipeBytes)) }
        }
        guard held >= 0 else { return nil }
        let pipe = SplicePipe(readFD: ends.0, writeFD: ends.1, capacityBytes: Int(held))
        return pipe.capacityBytes >= leastBytes ? pipe : nil
    }
}
