/// All log files of the process: one ``LogFile``, and so one thread, per distinct path, shared by all who log to it.
public final class LogFiles: Sendable {
    private let limits: LogFile.Limits
    private let files = Locked<[String: LogFile]>([:])
    private let published = Locked(LogFile.Counts())

    public init(limits: LogFile.Limits = LogFile.Limits()) { self.limits = limits }

    /// The file at `path`, opened by the first who asks.
    public func open(_ path: String) throws(LogFileError) -> LogFile {
        try files.withLock { files throws(LogFileError) in
            if let found = files[path] { return found }
            let file = try LogFile(path: path, limits: limits)
            files[path] = file
            return file
        }
    }

    public var standardOutput: LogFile { borrowed(1, "<stdout>") }
    public var standardError: LogFile { borrowed(2, "<stderr>") }

    private func borrowed(_ fd: Int32, _ name: String) -> LogFile {
        files.withLock { files in
            if let found = files[name] { return found }
            let file = LogFile(borrowing: fd, name: name, limits: limits)
            files[name] = file
            return file
        }
    }

    /// On SIGUSR1: every file is closed and opened again by its own thread.
    public func reopenAll() {
        for file in all { file.reopen() }
    }

    public func flushAll() {
        for file in all { file.flush() }
    }

    /// Writes what is queued and ends the threads.
    public func stopAll() {
        for file in all { file.stop() }
    }

    /// Brings the `filesystem.` stats up to date. Main thread, before each flush and scrape of the stats.
    public func publish(to block: StatBlock<FilesystemStat>) {
        var sum = LogFile.Counts()
        for file in all {
            let counts = file.readCounts()
            sum.writeBuffered &+= counts.writeBuffered
            sum.writeCompleted &+= counts.writeCompleted
            sum.writeFailed &+= counts.writeFailed
            sum.writeDropped &+= counts.writeDropped
            sum.flushedByTimer &+= counts.flushedByTimer
            sum.reopenFailed &+= counts.reopenFailed
            sum.bufferedBytes += counts.bufferedBytes
        }
        let last = published.withLock { published in
            defer { published = sum }
            return published
        }
        block.add(.writeBuffered, sum.writeBuffered &- last.writeBuffered)
        block.add(.writeCompleted, sum.writeCompleted &- last.writeCompleted)
        block.add(.writeFailed, sum.writeFailed &- last.writeFailed)
        block.add(.writeDropped, sum.writeDropped &- last.writeDropped)
        block.add(.flushedByTimer, sum.flushedByTimer &- last.flushedByTimer)
        block.add(.reopenFailed, sum.reopenFailed &- last.reopenFailed)
        block.set(.writeTotalBuffered, sum.bufferedBytes)
    }

    private var all: [LogFile] { files.withLock { Array($0.values) } }
}
