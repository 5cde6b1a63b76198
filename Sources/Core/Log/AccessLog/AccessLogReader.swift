// Access-log messages compiled; every mistake is reported with its path.

import ConfigAPI
import CoreConfig
import Glibc
import SwiftProtobuf

/// Turns one `envoy.config.accesslog.v3.AccessLog` into an ``AccessLog``.
struct AccessLogReader {
    private let files: LogFiles
    /// Whether the records are of HTTP streams.
    private let isHTTP: Bool
    private(set) var problems: [ConfigProblem] = []

    private typealias FileLog = Envoy_Extensions_AccessLoggers_File_V3_FileAccessLog
    private typealias StdoutLog = Envoy_Extensions_AccessLoggers_Stream_V3_StdoutAccessLog
    private typealias StderrLog = Envoy_Extensions_AccessLoggers_Stream_V3_StderrAccessLog

    init(files: LogFiles, isHTTP: Bool = false) {
        self.files = files
        self.isHTTP = isHTTP
    }

    private var standard: AccessLogFormat { isHTTP ? .standardHTTP : .standard }

    mutating func read(_ message: Envoy_Config_Accesslog_V3_AccessLog, path: String) -> AccessLog? {
        let filter = message.hasFilter ? readFilter(message.filter, path: "\(path).filter") : nil
        let here = "\(path).typed_config"
        guard case .typedConfig(let any)? = message.configType else {
            return readBare(message.name, filter, path: path)
        }
        let sink: (format: AccessLogFormat?, file: LogFile?)
        if let log: FileLog = AnyUnpacker.unpack(any) {
            sink = (readFormat(log, path: here), open(log.path, path: "\(here).path"))
        } else if let log: StdoutLog = AnyUnpacker.unpack(any) {
            sink = (readStreamFormat(log.accessLogFormat.map { _ in log.logFormat }, here), files.standardOutput)
        } else if let log: StderrLog = AnyUnpacker.unpack(any) {
            sink = (readStreamFormat(log.accessLogFormat.map { _ in log.logFormat }, here), files.standardError)
        } else {
            fail(
                here, "no access log of this type", found: any.typeURL,
                allowed: [FileLog.protoMessageName, StdoutLog.protoMessageName, StderrLog.protoMessageName]
                    .map { ExtensionCatalog.typeURLPrefix + $0 }.joined(separator: ", "))
            return nil
        }
        guard let format = sink.format, let file = sink.file, !problems.hasErrors else { return nil }
        return AccessLog(filter: filter, format: format, file: file)
    }

    /// A log named without `typed_config`: those that need no configuration load, with a warning.
    private mutating func readBare(_ name: String, _ filter: AccessLogFilter?, path: String) -> AccessLog? {
        let file: LogFile
        let type: String
        switch name {
        case "envoy.access_loggers.stdout": (file, type) = (files.standardOutput, StdoutLog.protoMessageName)
        case "envoy.access_loggers.stderr": (file, type) = (files.standardError, StderrLog.protoMessageName)
        default:
            fail(
                path, "an access log needs typed_config", found: "only the name \"\(name)\"",
                allowed: "typed_config with \"@type\": \(ExtensionCatalog.typeURLPrefix)\(FileLog.protoMessageName)")
            return nil
        }
        problems.append(
            ConfigProblem(
                severity: .warning, path: path,
                text: "\(name) stands without typed_config; add \"@type\": \(ExtensionCatalog.typeURLPrefix)\(type)"))
        guard !problems.hasErrors else { return nil }
        return AccessLog(filter: filter, format: standard, file: file)
    }

    private mutating func open(_ file: String, path: String) -> LogFile? {
        guard !file.isEmpty else {
            fail(path, "a file access log needs a path", found: "\"\"")
            return nil
        }
        do throws(LogFileError) {
            return try files.open(file)
        } catch {
            fail(path, error.description)
            return nil
        }
    }

    // MARK: Formats

    private mutating func readFormat(_ log: FileLog, path: String) -> AccessLogFormat? {
        switch log.accessLogFormat {
        case nil: return standard
        case .format(let text)?: return text.isEmpty ? standard : compile(text, false, path: "\(path).format")
        case .jsonFormat(let object)?: return compile(object, false, path: "\(path).json_format")
        case .typedJsonFormat(let object)?: return compile(object, false, path: "\(path).typed_json_format")
        case .logFormat(let format)?: return readFormat(format, path: "\(path).log_format")
        }
    }

    private mutating func readStreamFormat(
        _ format: Envoy_Config_Core_V3_SubstitutionFormatString?, _ path: String
    ) -> AccessLogFormat? {
        guard let format else { return standard }
        return readFormat(format, path: "\(path).log_format")
    }

    private mutating func readFormat(
        _ format: Envoy_Config_Core_V3_SubstitutionFormatString, path: String
    ) -> AccessLogFormat? {
        let omits = format.omitEmptyValues
        switch format.format {
        case nil:
            fail(path, "needs a format", allowed: "text_format_source, json_format or text_format")
            return nil
        case .textFormat(let text)?: return compile(text, omits, path: "\(path).text_format")
        case .jsonFormat(let object)?: return compile(object, omits, path: "\(path).json_format")
        case .textFormatSource(let source)?:
            let here = "\(path).text_format_source"
            guard let text = read(source, path: here) else { return nil }
            return compile(text, omits, path: here)
        }
    }

    private mutating func read(_ source: Envoy_Config_Core_V3_DataSource, path: String) -> String? {
        switch source.specifier {
        case .inlineString(let text)?: return text
        case .inlineBytes(let bytes)?: return String(decoding: bytes, as: UTF8.self)
        case .environmentVariable(let name)?:
            if let value = getenv(name) { return String(cString: value) }
            fail("\(path).environment_variable", "the environment variable is not set", found: name)
        case .filename(let name)?:
            if let text = TextFile.read(name) { return text }
            fail("\(path).filename", "cannot be read: \(String(cString: strerror(errno)))", found: name)
        case nil: fail(path, "is empty", allowed: "inline_string, inline_bytes, filename or environment_variable")
        }
        return nil
    }

    private mutating func compile(_ text: String, _ omits: Bool, path: String) -> AccessLogFormat? {
        do throws(FormatError) {
            return try AccessLogFormat(text: text, omitsEmpty: omits, isHTTP: isHTTP)
        } catch {
            fail(path, error.description)
            return nil
        }
    }

    private mutating func compile(_ object: Google_Protobuf_Struct, _ omits: Bool, path: String) -> AccessLogFormat? {
        do throws(FormatError) {
            return try AccessLogFormat(json: object.fields.mapValues(MetadataValue.init), omitsEmpty: omits)
        } catch {
            fail(path, error.description)
            return nil
        }
    }

    // MARK: Filters

    private mutating func readFilter(
        _ filter: Envoy_Config_Accesslog_V3_AccessLogFilter, path: String
    ) -> AccessLogFilter? {
        switch filter.filterSpecifier {
        case .statusCodeFilter(let code)?:
            return readComparison(code.comparison, path: "\(path).status_code_filter.comparison")
                .map(AccessLogFilter.statusCode)
        case .durationFilter(let duration)?:
            return readComparison(duration.comparison, path: "\(path).duration_filter.comparison")
                .map(AccessLogFilter.durationMS)
        case .runtimeFilter(let runtime)?:
            guard !runtime.runtimeKey.isEmpty else {
                fail("\(path).runtime_filter.runtime_key", "must not be empty")
                return nil
            }
            do throws(CompileFailure) {
                let share = runtime.hasPercentSampled ? try FractionalPercent(runtime.percentSampled) : .never
                return .runtime(key: runtime.runtimeKey, share: share)
            } catch {
                fail(error, path: "\(path).runtime_filter.percent_sampled")
                return nil
            }
        case .andFilter(let and)?: return readList(and.filters, path: "\(path).and_filter").map(AccessLogFilter.all)
        case .orFilter(let or)?: return readList(or.filters, path: "\(path).or_filter").map(AccessLogFilter.any)
        case .responseFlagFilter(let flags)?: return readFlags(flags.flags, path: "\(path).response_flag_filter.flags")
        case .metadataFilter(let metadata)?: return readMetadata(metadata, path: "\(path).metadata_filter")
        case .logTypeFilter(let types)?:
            return .logType(
                Set(types.types.compactMap { AccessLogType(rawValue: UInt8(truncatingIfNeeded: $0.rawValue)) }),
                excludes: types.exclude)
        case nil:
            fail(
                path, "is empty",
                allowed: """
                    status_code_filter, duration_filter, runtime_filter, and_filter, or_filter, response_flag_filter, \
                    metadata_filter or log_type_filter
                    """)
            return nil
        }
    }

    private mutating func readList(
        _ filters: [Envoy_Config_Accesslog_V3_AccessLogFilter], path: String
    ) -> [AccessLogFilter]? {
        guard filters.count >= 2 else {
            fail("\(path).filters", "needs at least two filters", found: "\(filters.count)")
            return nil
        }
        var parts: [AccessLogFilter] = []
        for (index, filter) in filters.enumerated() {
            guard let part = readFilter(filter, path: "\(path).filters[\(index)]") else { continue }
            parts.append(part)
        }
        return parts.count == filters.count ? parts : nil
    }

    private mutating func readComparison(
        _ comparison: Envoy_Config_Accesslog_V3_ComparisonFilter, path: String
    ) -> AccessLogFilter.Comparison? {
        let operation: AccessLogFilter.Comparison.Operation
        switch comparison.op {
        case .eq: operation = .equal
        case .ge: operation = .atLeast
        case .le: operation = .atMost
        case .ne: operation = .notEqual
        case .UNRECOGNIZED(let number):
            fail("\(path).op", "unknown comparison", found: "\(number)", allowed: "EQ, GE, LE or NE")
            return nil
        }
        guard comparison.hasValue else {
            fail("\(path).value", "is missing")
            return nil
        }
        return AccessLogFilter.Comparison(
            operation, UInt64(comparison.value.defaultValue), runtimeKey: comparison.value.runtimeKey)
    }

    private mutating func readFlags(_ names: [String], path: String) -> AccessLogFilter? {
        var flags: ResponseFlags = []
        var isGood = true
        for (index, name) in names.enumerated() {
            if let flag = ResponseFlags(shortName: name) {
                flags.insert(flag)
            } else {
                isGood = false
                fail(
                    "\(path)[\(index)]", "unknown response flag", found: "\"\(name)\"",
                    allowed: ResponseFlags.names.map(\.short).joined(separator: ", "))
            }
        }
        return isGood ? .responseFlag(flags) : nil
    }

    private mutating func readMetadata(
        _ filter: Envoy_Config_Accesslog_V3_MetadataFilter, path: String
    ) -> AccessLogFilter? {
        let passesWithoutKey = !filter.hasMatchIfKeyNotFound || filter.matchIfKeyNotFound.value
        guard filter.hasMatcher else { return passesWithoutKey ? .all([]) : .any([]) }
        do throws(CompileFailure) {
            return .metadata(
                try MetadataMatcher(filter.matcher), filter: filter.matcher.filter,
                path: filter.matcher.path.map(\.key),
                passesWithoutKey: passesWithoutKey)
        } catch {
            fail(error, path: "\(path).matcher")
            return nil
        }
    }

    // MARK: Problems

    private mutating func fail(_ path: String, _ text: String, found: String? = nil, allowed: String? = nil) {
        problems.append(ConfigProblem(path: path, found: found, allowed: allowed, text: text))
    }

    private mutating func fail(_ failure: CompileFailure, path: String) {
        for problem in failure.inside(path).problems { fail(problem.path, problem.text) }
    }
}
