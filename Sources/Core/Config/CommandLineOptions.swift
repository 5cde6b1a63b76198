// The command line, with Envoy's names, short names and defaults, and our quick mode beside it.
package import ArgumentParser
import Foundation

/// What a proxy's command line says.
package struct CommandLineOptions: ParsableCommand, Sendable {
    package enum Mode: String, ExpressibleByArgument, CaseIterable, Sendable {
        case serve, validate
        case initOnly = "init_only"
    }

    package enum DrainStrategy: String, ExpressibleByArgument, CaseIterable, Sendable {
        case gradual, immediate
    }

    /// Envoy's levels; `warn` is another name of `warning`.
    package enum LogLevel: String, CaseIterable, Sendable, ExpressibleByArgument {
        case trace, debug, info, warning, error, critical, off

        package init?(argument: String) {
            self.init(rawValue: argument == "warn" ? "warning" : argument)
        }
    }

    /// The name under which the quick mode's text appears in problems.
    package static let quickModeName = "quick mode"

    package static let configuration = CommandConfiguration(
        commandName: CommandLine.arguments.first.map { String($0.split(separator: "/").last ?? "proxy") } ?? "proxy")

    // MARK: Configuration

    @Option(name: [.customShort("c"), .customLong("config-path")], help: "The configuration, .yaml, .yml or .json.")
    package var configPath: String?

    @Option(name: .customLong("config-yaml"), help: "YAML merged over the configuration file.")
    package var configYAML: String?

    @Flag(name: .customLong("allow-unknown-static-fields"), help: "Unknown fields are warnings, not errors.")
    package var allowUnknownStaticFields = false

    @Flag(name: .customLong("skip-deprecated-logs"), help: "No warnings about deprecated fields.")
    package var skipDeprecatedLogs = false

    @Option(help: "serve, validate (check the configuration and exit) or init_only (start, then exit).")
    package var mode: Mode = .serve

    // MARK: Quick mode

    @Option(help: "Quick mode: an address to listen on, such as 127.0.0.1:9000. Repeatable.")
    package var listen: [String] = []

    @Option(help: "Quick mode: an upstream HOST:PORT. Repeatable.")
    package var upstream: [String] = []

    @Option(help: "Quick mode: the address of the admin page.")
    package var admin: String?

    @Flag(name: .customLong("print-config"), help: "Print the YAML that the quick mode stands for, and exit.")
    package var printConfig = false

    // MARK: Workers and logs

    @Option(help: "The number of workers; by default the number of cores.")
    package var concurrency: Int?

    @Option(
        name: [.customShort("l"), .customLong("log-level")],
        help: "trace, debug, info, warning, error, critical or off.")
    package var logLevel: LogLevel = .info

    @Option(name: .customLong("component-log-level"), help: "Levels of single components: upstream:debug,config:trace")
    package var componentLogLevel: String?

    @Option(name: .customLong("log-format"), help: "The format of the log's lines.")
    package var logFormat: String?

    @Option(name: .customLong("log-path"), help: "The log's file; by default the standard error.")
    package var logPath: String?

    @Option(name: .customLong("file-flush-interval-msec"), help: "How often access log files are flushed.")
    package var fileFlushIntervalMS: Int = 10_000

    @Option(name: .customLong("file-flush-min-size-kb"), help: "Flush an access log file earlier at this size.")
    package var fileFlushMinSizeKB: Int = 64

    // MARK: Identity

    @Option(name: .customLong("service-cluster"), help: "The node's cluster.")
    package var serviceCluster: String = ""

    @Option(name: .customLong("service-node"), help: "The node's id.")
    package var serviceNode: String = ""

    @Option(name: .customLong("service-zone"), help: "The node's zone.")
    package var serviceZone: String = ""

    @Option(name: .customLong("stats-tag"), help: "A tag for all stats, NAME:VALUE. Repeatable.")
    package var statsTags: [String] = []

    @Option(name: .customLong("admin-address-path"), help: "A file to write the admin page's address to.")
    package var adminAddressPath: String?

    // MARK: Life cycle

    @Option(name: .customLong("drain-time-s"), help: "How long connections may finish when draining.")
    package var drainTimeS: Int = 600

    @Option(name: .customLong("drain-strategy"), help: "gradual or immediate.")
    package var drainStrategy: DrainStrategy = .gradual

    @Option(name: .customLong("parent-shutdown-time-s"), help: "When the parent is stopped in a hot restart.")
    package var parentShutdownTimeS: Int = 900

    @Option(name: .customLong("base-id"), help: "Tells several proxies on one machine apart.")
    package var baseID: Int = 0

    @Flag(name: .customLong("disable-hot-restart"), help: "No hot restart.")
    package var disableHotRestart = false

    @Flag(help: "Print the version and exit.")
    package var version = false

    package init() {}

    package var isQuickMode: Bool { !listen.isEmpty || !upstream.isEmpty || admin != nil || printConfig }

    /// The levels of `--component-log-level`.
    package var componentLogLevels: [(component: String, level: LogLevel)] {
        Self.componentLevels(componentLogLevel ?? "") ?? []
    }

    /// The pairs of `--stats-tag`.
    package var statsTagPairs: [(name: String, value: String)] {
        statsTags.compactMap(Self.tag)
    }

    /// What is wrong with the values, in words; nil when nothing is. Asked after parsing, so that a misspelt option is
    /// reported as such and not as the absence of what it meant.
    var fault: String? {
        if let concurrency, concurrency < 0 || concurrency > 1024 {
            return "--concurrency: out of range, found \(concurrency); allowed: 0 (one worker) to 1024"
        }
        let times: [(String, Int, ClosedRange<Int>)] = [
            ("--file-flush-interval-msec", fileFlushIntervalMS, 1...86_400_000),
            ("--file-flush-min-size-kb", fileFlushMinSizeKB, 0...1_048_576),
            ("--drain-time-s", drainTimeS, 0...31_536_000),
            ("--parent-shutdown-time-s", parentShutdownTimeS, 0...31_536_000),
            ("--base-id", baseID, 0...Int(UInt32.max)),
        ]
        for (name, value, range) in times where !range.contains(value) {
            return "\(name): out of range, found \(value); allowed: \(range.lowerBound) to \(range.upperBound)"
        }
        if let text = componentLogLevel, Self.componentLevels(text) == nil {
            return "--component-log-level: found \"\(text)\"; allowed: COMPONENT:LEVEL pairs with commas between them, "
                + "levels \(LogLevel.allCases.map(\.rawValue).joined(separator: ", "))"
        }
        for text in statsTags where Self.tag(text) == nil {
            return "--stats-tag: found \"\(text)\"; allowed: NAME:VALUE, the name of letters, digits, _ . -"
        }
        if isQuickMode {
            if configPath != nil {
                return "--listen, --upstream, --admin and --print-config cannot be used with --config-path"
            }
            if listen.isEmpty { return "the quick mode needs --listen ADDRESS:PORT" }
        } else if !version, configPath == nil, configYAML == nil {
            return "a configuration is needed: --config-path FILE, --config-yaml TEXT or --listen ADDRESS:PORT"
        }
        for text in listen + (admin.map { [$0] } ?? []) where QuickMode.address(text, isListening: true) == nil {
            return "found \"\(text)\"; allowed: ADDRESS:PORT with an IP address, or a path of a Unix socket"
        }
        for text in upstream where QuickMode.address(text, isListening: false) == nil {
            return "--upstream: found \"\(text)\"; allowed: HOST:PORT, or a path of a Unix socket"
        }
        return nil
    }

    private static func componentLevels(_ text: String) -> [(component: String, level: LogLevel)]? {
        var out: [(component: String, level: LogLevel)] = []
        for pair in text.split(separator: ",") {
            let parts = pair.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, let level = LogLevel(argument: String(parts[1])) else {
                return nil
            }
            out.append((String(parts[0]), level))
        }
        return out
    }

    private static func tag(_ text: String) -> (name: String, value: String)? {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty,
            parts[0].allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "_.-".contains($0)) })
        else { return nil }
        return (String(parts[0]), String(parts[1]))
    }
}
