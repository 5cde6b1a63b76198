// The program's own log, set up from the command line and the bootstrap.

import ConfigAPI
import CoreConfig
import SwiftProtobuf

/// Reads levels, pattern and file, and starts the log. What is wrong comes back as problems; then nothing is started.
struct ProgramLog {
    private let options: CommandLineOptions
    private let config: Envoy_Config_Bootstrap_V3_Bootstrap.ApplicationLogConfig
    private(set) var problems: [ConfigProblem] = []

    init(_ options: CommandLineOptions, _ bootstrap: Envoy_Config_Bootstrap_V3_Bootstrap) {
        self.options = options
        config = bootstrap.applicationLogConfig
    }

    mutating func start() {
        let pattern = readPattern()
        if let text = options.componentLogLevel {
            do throws(LogSettingError) {
                try Log.setLevels(text)
            } catch {
                problems.append(ConfigProblem(path: "--component-log-level", text: error.text))
            }
        }
        var file = Log.standardError
        if let path = options.logPath, options.mode != .validate {
            do throws(LogFileError) {
                file = try LogFile(path: path, limits: Log.lineLimits)
            } catch {
                problems.append(ConfigProblem(path: "--log-path", found: path, text: "\(error)"))
            }
        }
        guard problems.isEmpty else { return }
        Log.setLevel(LogLevel(name: options.logLevel.rawValue) ?? .info)
        // The levels of components win over the level of all.
        if let text = options.componentLogLevel { try? Log.setLevels(text) }
        Log.start(file: file, pattern: pattern)
    }

    /// `--log-format` wins over the bootstrap.
    private mutating func readPattern() -> LogPattern {
        if let text = options.logFormat { return pattern(text, "--log-format") }
        let path = "application_log_config.log_format"
        switch config.logFormat.logFormat {
        case nil: return .standard
        case .textFormat(let text)?: return pattern(text, "\(path).text_format")
        case .jsonFormat(let object)?:
            do throws(FormatError) {
                return try LogPattern(json: object.fields.mapValues(MetadataValue.init))
            } catch {
                problems.append(ConfigProblem(path: "\(path).json_format", text: "\(error)"))
                return .standard
            }
        }
    }

    private mutating func pattern(_ text: String, _ path: String) -> LogPattern {
        do throws(FormatError) {
            return try LogPattern(text)
        } catch {
            problems.append(ConfigProblem(path: path, found: "\"\(text)\"", text: "\(error)"))
            return .standard
        }
    }
}
