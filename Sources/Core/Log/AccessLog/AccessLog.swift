/// One configured access log: which records (``AccessLogFilter``), in what form (``AccessLogFormat``), and where to
/// (``LogFile``). Immutable, shared by all workers; written through each worker's ``AccessLogWriter``.
public struct AccessLog: Sendable {
    let filter: AccessLogFilter?
    let format: AccessLogFormat
    let file: LogFile

    public init(filter: AccessLogFilter? = nil, format: AccessLogFormat, file: LogFile) {
        self.filter = filter
        self.format = format
        self.file = file
    }
}
