// Signals as readiness events of the main loop.

import CLinux
import Glibc

/// Reads the signals that the process lives by from a signalfd. Made before any thread, so that all inherit the mask.
final class Signals: EventTarget {
    private let fd: Int32
    private var readiness: Readiness?
    private let handle: (Int32) -> Void

    static let handled: [Int32] = [SIGTERM, SIGINT, SIGUSR1, SIGHUP]

    init(_ loop: EventLoop, _ handle: @escaping (Int32) -> Void) {
        signal(SIGPIPE, SIG_IGN)
        fd = linux_signal_fd(Signals.handled, Int32(Signals.handled.count))
        precondition(fd >= 0, "The system refused a descriptor for signals.")
        self.handle = handle
        super.init()
        readiness = Readiness(loop: loop, fd: fd, .read, target: self)
        readiness?.enable()
    }

    override func onReadable() {
        // struct signalfd_siginfo is 128 bytes and begins with the number.
        withUnsafeTemporaryAllocation(byteCount: 128, alignment: 8) { buffer in
            while read(fd, buffer.baseAddress, 128) == 128 { handle(Int32(buffer.load(as: UInt32.self))) }
        }
    }
}
