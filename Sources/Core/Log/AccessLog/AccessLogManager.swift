// The process's access logs: from configuration messages to logs that workers write, and the files behind them.

package import ConfigAPI
package import CoreConfig

/// Makes access logs and owns their files. Main thread; the logs it makes may go anywhere.
public final class AccessLogManager {
    public let files: LogFiles
    private let stats: StatBlock<FilesystemStat>
    /// Keeps `stats` valid.
    private let scope: StatScope<FilesystemStat>

    public init(store: StatsStore, stats: WorkerStats, flushIntervalMS: Int64 = 10_000, flushSizeBytes: Int = 64 << 10)
    {
        var limits = LogFile.Limits()
        limits.flushIntervalMS = flushIntervalMS
        limits.flushBytes = max(1, flushSizeBytes)
        limits.bufferBytes = max(limits.bufferBytes, 4 * limits.flushBytes)
        files = LogFiles(limits: limits)
        scope = store.scope(prefix: FilesystemStat.prefix)
        self.stats = stats.block(scope)
    }

    /// The logs that `messages` describe; `isHTTP` for records of HTTP streams. What is wrong goes to `problems` under `path`, and that log is left out.
    package func make(
        _ messages: [Envoy_Config_Accesslog_V3_AccessLog], path: String, isHTTP: Bool = false,
        problems: inout [ConfigProblem]
    ) -> [AccessLog] {
        var reader = AccessLogReader(files: files, isHTTP: isHTTP)
        let logs = messages.enumerated().compactMap { reader.read($1, path: "\(path)[\($0)]") }
        problems += reader.problems
        return logs
    }

    /// On SIGUSR1.
    public func reopenAll() { files.reopenAll() }

    /// Brings the `filesystem.` stats up to date; before each flush and scrape.
    public func publishStats() { files.publish(to: stats) }

    /// At exit: writes what is queued.
    public func stop() { files.stopAll() }
}
