// From the arguments of a process to its options, or to the words with which it ends.
import ArgumentParser

/// What to do after reading the command line.
package enum CommandLineOutcome: Sendable {
    case run(CommandLineOptions)
    /// Print the text, to the standard error if the code is not zero, and exit.
    case stop(text: String, exitCode: Int32)

    /// Envoy's options that we do not have; giving one is an error, never silence.
    static let unsupported: Set<String> = [
        "allow-unknown-fields", "base-id-path", "cpuset-threads", "disable-extensions", "enable-core-dump",
        "enable-fine-grain-logging", "enable-mutex-tracing", "hot-restart-version", "ignore-unknown-dynamic-fields",
        "ignore_rest", "local-address-ip-version", "log-format-escaped", "log-stacktrace-single-entry",
        "reject-unknown-dynamic-fields", "restart-epoch", "skip-hot-restart-on-no-parent",
        "skip-hot-restart-parent-stats", "socket-mode", "socket-path", "use-dynamic-base-id",
    ]

    /// Reads the arguments (without the program's name).
    package static func read(_ arguments: [String]) -> CommandLineOutcome {
        for argument in arguments where argument.hasPrefix("--") {
            let name = String(argument.dropFirst(2).prefix { $0 != "=" })
            if unsupported.contains(name) {
                return .stop(
                    text: "error: --\(name) is an option of Envoy that Sluice does not support yet", exitCode: 1)
            }
        }
        do {
            let options = try CommandLineOptions.parse(arguments)
            if let fault = options.fault { return .stop(text: "error: " + fault, exitCode: 1) }
            return .run(options)
        } catch {
            let code = CommandLineOptions.exitCode(for: error)
            let text = CommandLineOptions.fullMessage(for: error)
            return .stop(text: text, exitCode: code.isSuccess ? 0 : 1)
        }
    }
}
