import Glibc

/// The program's own log. Usable from any thread; a message below its component's level costs one load and a compare,
/// and its text is not built.
///
///     Log.warning(.connection, "listener \(name): cannot accept")
public enum Log {
    /// One level per component, in bytes; relaxed, since a change need not take effect at once.
    private static let levels = LogLevels()
    private static let sink = Locked<LogSink?>(nil)

    // MARK: Messages

    @inline(__always)
    public static func trace(
        _ component: LogComponent, _ message: @autoclosure () -> String, file: StaticString = #fileID, line: Int = #line
    ) {
        if isEnabled(component, .trace) { emit(component, .trace, message(), file, line) }
    }

    @inline(__always)
    public static func debug(
        _ component: LogComponent, _ message: @autoclosure () -> String, file: StaticString = #fileID, line: Int = #line
    ) {
        if isEnabled(component, .debug) { emit(component, .debug, message(), file, line) }
    }

    @inline(__always)
    public static func info(
        _ component: LogComponent, _ message: @autoclosure () -> String, file: StaticString = #fileID, line: Int = #line
    ) {
        if isEnabled(component, .info) { emit(component, .info, message(), file, line) }
    }

    @inline(__always)
    public static func warning(
        _ component: LogComponent, _ message: @autoclosure () -> String, file: StaticString = #fileID, line: Int = #line
    ) {
        if isEnabled(component, .warning) { emit(component, .warning, message(), file, line) }
    }

    @inline(__always)
    public static func error(
        _ component: LogComponent, _ message: @autoclosure () -> String, file: StaticString = #fileID, line: Int = #line
    ) {
        if isEnabled(component, .error) { emit(component, .error, message(), file, line) }
    }

    /// Also waits, for at most a second, until the line is written.
    @inline(__always)
    public static func critical(
        _ component: LogComponent, _ message: @autoclosure () -> String, file: StaticString = #fileID, line: Int = #line
    ) {
        if isEnabled(component, .critical) { emit(component, .critical, message(), file, line) }
    }

    public static func isEnabled(_ component: LogComponent, _ level: LogLevel) -> Bool {
        level.rawValue >= levels.load(component)
    }

    // MARK: Settings

    public static func level(of component: LogComponent) -> LogLevel {
        LogLevel(rawValue: levels.load(component)) ?? .info
    }

    public static func setLevel(_ component: LogComponent, _ level: LogLevel) { levels.store(component, level) }

    public static func setLevel(_ level: LogLevel) {
        for component in LogComponent.allCases { levels.store(component, level) }
    }

    /// Sets levels as `--component-log-level` and `/logging?paths=` spell them: `upstream:debug,connection:trace`.
    /// Nothing is changed unless all of it is good.
    public static func setLevels(_ text: String) throws(LogSettingError) {
        var wanted: [(LogComponent, LogLevel)] = []
        for pair in text.split(separator: ",") {
            let parts = pair.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else {
                throw LogSettingError(text: "\"\(pair)\" is not of the form component:level")
            }
            guard let component = LogComponent(name: parts[0]) else {
                throw LogSettingError(
                    text: "unknown log component \"\(parts[0])\"; known: "
                        + LogComponent.allCases.map(\.name).sorted().joined(separator: ", "))
            }
            guard let level = LogLevel(name: parts[1]) else {
                throw LogSettingError(
                    text: "unknown log level \"\(parts[1])\"; known: "
                        + LogLevel.allCases.map(\.name).joined(separator: ", "))
            }
            wanted.append((component, level))
        }
        for (component, level) in wanted { setLevel(component, level) }
    }

    /// Where lines go and what they look like. Until called: standard error, the default pattern.
    public static func start(file: LogFile, pattern: LogPattern = .standard) {
        let old = sink.withLock { sink in
            defer { sink = LogSink(file: file, pattern: pattern) }
            return sink
        }
        old?.file.flush(timeoutMS: 1_000)
    }

    /// The pattern alone; the file stays.
    public static func setPattern(_ pattern: LogPattern) {
        sink.withLock { $0 = LogSink(file: $0?.file ?? standardError, pattern: pattern) }
    }

    /// On SIGUSR1.
    public static func reopen() { sink.withLock { $0 }?.file.reopen() }

    /// At exit: waits until all lines are written, but not forever.
    public static func flush() { sink.withLock { $0 }?.file.flush(timeoutMS: 1_000) }

    /// Standard error with a line-by-line flusher, for the program's log.
    public static var standardError: LogFile { LogFile(borrowing: 2, name: "<stderr>", limits: lineLimits) }

    /// Written line by line: a log of the program's own is read while it happens.
    public static var lineLimits: LogFile.Limits {
        var limits = LogFile.Limits()
        limits.flushBytes = 1
        limits.flushIntervalMS = 1_000
        return limits
    }

    // MARK: Output

    @inline(never)
    @usableFromInline
    static func emit(
        _ component: LogComponent, _ level: LogLevel, _ message: String, _ file: StaticString, _ line: Int
    ) {
        let sink = sink.withLock { sink in
            if let sink { return sink }
            let made = LogSink(file: standardError, pattern: .standard)
            sink = made
            return made
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(128 + message.utf8.count)
        let entry = LogEntry(
            wallNS: StreamInfo.readWallNS(), component: component, level: level, message: message, file: file,
            line: line)
        sink.pattern.write(entry, into: &bytes)
        bytes.append(UInt8(ascii: "\n"))
        sink.file.append(bytes.span)
        if level == .critical { sink.file.flush(timeoutMS: 1_000) }
    }

    private struct LogSink: Sendable {
        let file: LogFile
        let pattern: LogPattern
    }
}

/// A log level or component that cannot be set.
public struct LogSettingError: Error, Equatable, Sendable, CustomStringConvertible {
    public let text: String
    public var description: String { text }
}
