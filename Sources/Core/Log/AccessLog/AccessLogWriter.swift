public import CoreBytes

/// A worker's means of writing access-log records: the scratch buffer that every record is formatted in, a clock
/// cache and a random source. Belongs to one thread.
public final class AccessLogWriter {
    private var line: [UInt8] = []
    private var scratch: FormatScratch
    private let runtime: AccessLogRuntime

    /// `runtime` answers `runtime_filter`s; the default one draws from the configured share.
    public init(random: FastRandom = FastRandom(), runtime: AccessLogRuntime = .none) {
        scratch = FormatScratch(random: random)
        self.runtime = runtime
        line.reserveCapacity(4096)
    }

    /// Writes one record to each of `logs` whose filter lets it pass. `now` is the loop's time.
    ///
    /// Formats into a buffer that is kept, then appends under the file's short lock; never blocks on the disk.
    public func write(_ logs: [AccessLog], _ info: inout StreamInfo, _ type: AccessLogType, now: Instant) {
        for log in logs {
            if let filter = log.filter {
                guard filter.passes(info, type, now: now, runtime: runtime, random: &scratch.random) else { continue }
            }
            line.removeAll(keepingCapacity: true)
            log.format.write(&info, type, now: now, into: &line, &scratch)
            log.file.append(line.span)
        }
    }
}
