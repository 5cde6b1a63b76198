// An accepted connection that listener filters still look at.

import CoreBytes
import Glibc

/// Peeks at the socket for its filters, one after the other, under one time limit and a bound on bytes.
///
/// Peeking is level-triggered on data that stays in the socket, so a filter that waits for more would spin: the low
/// water mark (SO_RCVLOWAT) is moved up to one byte more than was seen.
public final class PendingConnection: EventTarget {
    public var info: StreamInfo
    private var fd: Int32
    private let listener: ActiveListener
    private let filters: [ListenerFilter]
    private var index = 0
    private var readiness: Readiness?
    private var timer = TimerHandle.none

    init(fd: Int32, listener: ActiveListener, info: StreamInfo, filters: [ListenerFilter]) {
        self.fd = fd
        self.listener = listener
        self.info = info
        self.filters = filters
        super.init()
    }

    public var descriptor: Int32 { fd }

    func start() {
        if listener.spec.listenerFiltersTimeoutMS > 0 {
            timer = listener.worker.loop.schedule(afterMS: listener.spec.listenerFiltersTimeoutMS, target: self)
        }
        run { $0.onAccept(self) }
    }

    /// Gives the socket away.
    func takeDescriptor() -> Int32 {
        release()
        let taken = fd
        fd = -1
        return taken
    }

    private func release() {
        listener.worker.loop.cancel(&timer)
        readiness = nil
    }

    /// Runs the current filter with `event`, then the following ones from their `onAccept`.
    private func run(_ event: (ListenerFilter) -> ListenerFilterStatus) {
        var status = index < filters.count ? event(filters[index]) : .proceed
        while true {
            switch status {
            case .hold:
                if readiness == nil {
                    readiness = Readiness(loop: listener.worker.loop, fd: fd, .read, target: self)
                }
                readiness?.enable()
                return
            case .refuse(let details):
                info.details.connectionTerminationDetails = details
                listener.stats.add(.listenerFilterError)
                listener.onInspectionFailed(self)
                return
            case .consume(let count):
                take(count)
                setLowWater(1)
            case .proceed:
                break
            }
            index += 1
            if index >= filters.count {
                setLowWater(1)
                listener.onInspected(self)
                return
            }
            status = filters[index].onAccept(self)
        }
    }

    public override func onReadable() {
        let filter = filters[index]
        let limit = max(1, min(filter.maxInspectedBytes, 64 * 1024))
        withUnsafeTemporaryAllocation(byteCount: limit, alignment: 1) { buffer in
            let n = recv(fd, buffer.baseAddress, limit, Int32(MSG_PEEK))
            if n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) {
                listener.stats.add(.listenerFilterRemoteClose)
                listener.onInspectionFailed(self)
                return
            }
            if n < 0 { return }
            setLowWater(Int32(min(n + 1, limit)))
            run { $0.onPeek(self, UnsafeRawBufferPointer(start: buffer.baseAddress, count: n)) }
        }
    }

    public override func onTimer(_ tag: Int) {
        timer = .none
        listener.stats.add(.preConnectionTimeout)
        if listener.spec.continueOnListenerFiltersTimeout {
            setLowWater(1)
            listener.onInspected(self)
        } else {
            info.details.connectionTerminationDetails = "listener_filter_timeout"
            listener.onInspectionFailed(self)
        }
    }

    private func take(_ count: Int) {
        withUnsafeTemporaryAllocation(byteCount: max(count, 1), alignment: 1) { buffer in
            _ = recv(fd, buffer.baseAddress, count, 0)
        }
    }

    private func setLowWater(_ bytes: Int32) { Sockets.set(fd, SOL_SOCKET, SO_RCVLOWAT, bytes) }
}
