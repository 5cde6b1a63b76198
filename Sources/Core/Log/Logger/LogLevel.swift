/// How much a message matters; a component prints its own level and all above.
public enum LogLevel: UInt8, Comparable, Sendable, CaseIterable {
    case trace, debug, info, warning, error, critical, off

    /// As printed by `%l` and taken by `--log-level` and `/logging`.
    public var name: String {
        switch self {
        case .trace: "trace"
        case .debug: "debug"
        case .info: "info"
        case .warning: "warning"
        case .error: "error"
        case .critical: "critical"
        case .off: "off"
        }
    }

    /// As printed by `%L`.
    var letter: UInt8 {
        switch self {
        case .trace: UInt8(ascii: "T")
        case .debug: UInt8(ascii: "D")
        case .info: UInt8(ascii: "I")
        case .warning: UInt8(ascii: "W")
        case .error: UInt8(ascii: "E")
        case .critical: UInt8(ascii: "C")
        case .off: UInt8(ascii: "O")
        }
    }

    /// Nil for a name that is none; `warn` is `warning`, as in Envoy.
    public init?(name: String) {
        if name == "warn" {
            self = .warning
            return
        }
        guard let level = LogLevel.allCases.first(where: { $0.name == name }) else { return nil }
        self = level
    }

    public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }
}
