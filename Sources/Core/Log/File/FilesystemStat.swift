/// `filesystem.`: the log files.
public enum FilesystemStat: Int, StatKey {
    case writeBuffered, writeCompleted, writeFailed, flushedByTimer, reopenFailed, writeTotalBuffered
    /// Ours: records dropped because a file could not be written and its buffer was full.
    case writeDropped

    public static let prefix = "filesystem."

    public var definition: StatDefinition {
        switch self {
        case .writeBuffered: .counter("write_buffered")
        case .writeCompleted: .counter("write_completed")
        case .writeFailed: .counter("write_failed")
        case .flushedByTimer: .counter("flushed_by_timer")
        case .reopenFailed: .counter("reopen_failed")
        case .writeTotalBuffered: .gauge("write_total_buffered")
        case .writeDropped: .counter("write_dropped")
        }
    }
}
