import Glibc

/// One file that lines are appended to from any thread and written by a thread of its own.
///
/// Appending copies into memory under a short lock and never waits for the disk. The flusher thread takes the whole
/// buffer when it has ``Limits/flushBytes``, when the interval is over, or when asked to, and writes it without the
/// lock. What cannot be written stays in memory and is tried again at the next interval; past ``Limits/bufferBytes``
/// new lines are dropped whole and counted, so that a full disk costs log lines and nothing else.
///
/// `@unchecked Sendable`: every mutable property is touched under `lock` only, but `fd` and `writing`, which belong to
/// the flusher thread from `start` until it has been joined.
public final class LogFile: @unchecked Sendable {
    public struct Limits: Sendable {
        /// Flushed as soon as so much is waiting.
        public var flushBytes = 64 << 10
        /// Flushed at least so often; `--file-flush-interval-msec`.
        public var flushIntervalMS: Int64 = 10_000
        /// More than this is never held in memory.
        public var bufferBytes = 4 << 20

        public init() {}
    }

    /// What happened so far; ``LogFiles`` turns these into the `filesystem.` stats.
    struct Counts: Sendable, Equatable {
        var writeBuffered: UInt64 = 0
        var writeCompleted: UInt64 = 0
        var writeFailed: UInt64 = 0
        var writeDropped: UInt64 = 0
        var flushedByTimer: UInt64 = 0
        var reopenFailed: UInt64 = 0
        var bufferedBytes: Int = 0
    }

    public let path: String
    private let limits: Limits
    /// Standard output and error are neither opened nor closed nor reopened.
    private let isBorrowed: Bool
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let wake: UnsafeMutablePointer<pthread_cond_t>
    private let settled: UnsafeMutablePointer<pthread_cond_t>

    // Under the lock.
    private var buffer: [UInt8] = []
    private var counts = Counts()
    private var flushRequests = 0
    private var flushesDone = 0
    private var wantsReopen = false
    private var wantsStop = false
    private var thread: pthread_t?

    // The flusher's own.
    private var fd: Int32
    private var writing: [UInt8] = []
    private var written = 0

    /// Opens `path` for appending, making it if need be. Throws what the system said.
    public convenience init(path: String, limits: Limits = Limits()) throws(LogFileError) {
        let fd = LogFile.open(path)
        guard fd >= 0 else { throw LogFileError(path: path, code: errno) }
        self.init(path: path, fd: fd, isBorrowed: false, limits: limits)
    }

    /// Writes to a descriptor that belongs to somebody else (1, 2).
    public convenience init(borrowing fd: Int32, name: String, limits: Limits = Limits()) {
        self.init(path: name, fd: fd, isBorrowed: true, limits: limits)
    }

    private init(path: String, fd: Int32, isBorrowed: Bool, limits: Limits) {
        self.path = path
        self.fd = fd
        self.isBorrowed = isBorrowed
        self.limits = limits
        lock = .allocate(capacity: 1)
        lock.initialize(to: pthread_mutex_t())
        pthread_mutex_init(lock, nil)
        wake = .allocate(capacity: 1)
        settled = .allocate(capacity: 1)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        for condition in [wake, settled] {
            condition.initialize(to: pthread_cond_t())
            pthread_cond_init(condition, &attributes)
        }
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        // The flusher holds a reference: reaching this line means that it has ended or never began.
        pthread_cond_destroy(wake)
        pthread_cond_destroy(settled)
        pthread_mutex_destroy(lock)
        wake.deallocate()
        settled.deallocate()
        lock.deallocate()
        if !isBorrowed, fd >= 0 { Glibc.close(fd) }
    }

    // MARK: Any thread

    /// Queues one record. Never blocks on the file; a record that does not fit in memory is dropped and counted.
    public func append(_ record: Span<UInt8>) {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        counts.writeBuffered &+= 1
        guard counts.bufferedBytes + record.count <= limits.bufferBytes, !wantsStop else {
            counts.writeDropped &+= 1
            return
        }
        if thread == nil { startThread() }
        record.withUnsafeBufferPointer { buffer.append(contentsOf: $0) }
        counts.bufferedBytes += record.count
        // One wake-up per fill, not one per record beyond it.
        if buffer.count >= limits.flushBytes, buffer.count - record.count < limits.flushBytes {
            pthread_cond_signal(wake)
        }
    }

    /// Asks the flusher to close and open the file again, after writing all lines queued so far to the old one.
    public func reopen() {
        guard !isBorrowed else { return }
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        wantsReopen = true
        if thread == nil { startThread() }
        pthread_cond_signal(wake)
    }

    /// Returns when everything queued before the call has been written or has failed to be, or after `timeoutMS`.
    public func flush(timeoutMS: Int64 = 5_000) {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        guard thread != nil else { return }
        flushRequests += 1
        let wanted = flushRequests
        pthread_cond_signal(wake)
        var deadline = LogFile.deadline(afterMS: timeoutMS)
        while flushesDone < wanted {
            if pthread_cond_timedwait(settled, lock, &deadline) == ETIMEDOUT { return }
        }
    }

    /// Flushes and ends the thread. Lines that come later are dropped and counted.
    public func stop() {
        pthread_mutex_lock(lock)
        wantsStop = true
        let ending = thread
        thread = nil
        pthread_cond_signal(wake)
        pthread_mutex_unlock(lock)
        if let ending { pthread_join(ending, nil) }
    }

    func readCounts() -> Counts {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return counts
    }

    // MARK: Flusher thread

    /// Under the lock. A file that nothing is written to has no thread.
    private func startThread() {
        var made = pthread_t()
        let context = Unmanaged.passRetained(self).toOpaque()
        let failed = pthread_create(
            &made, nil,
            { raw in
                guard let raw else { return nil }
                LogThreads.blockSignals()
                Unmanaged<LogFile>.fromOpaque(raw).takeRetainedValue().run()
                return nil
            }, context)
        if failed == 0 { thread = made } else { Unmanaged<LogFile>.fromOpaque(context).release() }
    }

    private func run() {
        pthread_mutex_lock(lock)
        while true {
            var deadline = LogFile.deadline(afterMS: limits.flushIntervalMS)
            var isTimer = false
            while buffer.count < limits.flushBytes, flushRequests == flushesDone, !wantsReopen, !wantsStop, !isTimer {
                isTimer = pthread_cond_timedwait(wake, lock, &deadline) == ETIMEDOUT
            }
            let requested = flushRequests
            let reopening = wantsReopen
            let stopping = wantsStop
            wantsReopen = false
            takeBuffer()
            if isTimer, !writing.isEmpty { counts.flushedByTimer &+= 1 }
            pthread_mutex_unlock(lock)

            let outcome = writeAll()
            let isReopened = !reopening || openAgain()

            pthread_mutex_lock(lock)
            counts.bufferedBytes -= outcome.bytes
            counts.writeCompleted &+= outcome.completed
            if outcome.hasFailed { counts.writeFailed &+= 1 }
            if !isReopened { counts.reopenFailed &+= 1 }
            flushesDone = requested
            pthread_cond_broadcast(settled)
            if stopping, buffer.isEmpty || outcome.hasFailed { break }
            if outcome.hasFailed { waitBeforeRetry() }
        }
        pthread_mutex_unlock(lock)
    }

    /// Under the lock: what is queued joins what an earlier failure left.
    private func takeBuffer() {
        if writing.isEmpty {
            swap(&buffer, &writing)
        } else if !buffer.isEmpty {
            writing.append(contentsOf: buffer)
            buffer.removeAll(keepingCapacity: true)
        }
    }

    /// Under the lock. A full disk is not asked again at once, however fast lines come.
    private func waitBeforeRetry() {
        var deadline = LogFile.deadline(afterMS: min(limits.flushIntervalMS, 1_000))
        while flushRequests == flushesDone, !wantsReopen, !wantsStop {
            if pthread_cond_timedwait(wake, lock, &deadline) == ETIMEDOUT { return }
        }
    }

    private func writeAll() -> (bytes: Int, completed: UInt64, hasFailed: Bool) {
        var completed: UInt64 = 0
        let total = writing.count
        var done = 0
        var hasFailed = false
        while done < total {
            let result = writing.withUnsafeBytes { bytes in
                Glibc.write(fd, bytes.baseAddress.map { $0 + done }, total - done)
            }
            if result >= 0 {
                done += result
                completed += 1
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN where waitWritable(): continue
            default: hasFailed = true
            }
            break
        }
        if done == total {
            writing.removeAll(keepingCapacity: writing.capacity <= 4 * limits.flushBytes)
        } else {
            writing.removeFirst(done)
        }
        return (done, completed, hasFailed)
    }

    /// Standard output may be a pipe that another process made non-blocking.
    private func waitWritable() -> Bool {
        var entry = pollfd(fd: fd, events: Int16(POLLOUT), revents: 0)
        return poll(&entry, 1, 1_000) > 0
    }

    /// The old file stays in use when the new one cannot be opened: no line is lost for it.
    private func openAgain() -> Bool {
        let next = LogFile.open(path)
        guard next >= 0 else { return false }
        if !writing.isEmpty { _ = writeAll() }
        Glibc.close(fd)
        fd = next
        return true
    }

    private static func open(_ path: String) -> Int32 {
        Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    }

    private static func deadline(afterMS milliseconds: Int64) -> timespec {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let nanos = Int64(now.tv_nsec) + milliseconds % 1_000 * 1_000_000
        now.tv_sec += Int(milliseconds / 1_000 + nanos / 1_000_000_000)
        now.tv_nsec = Int(nanos % 1_000_000_000)
        return now
    }
}

/// A log file that could not be opened.
public struct LogFileError: Error, Equatable, Sendable, CustomStringConvertible {
    public let path: String
    /// The system's error number.
    public let code: Int32

    public var description: String { "unable to open file '\(path)': \(String(cString: strerror(code)))" }
}

/// Settings shared by the logs' threads.
enum LogThreads {
    /// Signals belong to the main thread.
    static func blockSignals() {
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, nil)
    }
}
