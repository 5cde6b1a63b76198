// From the bootstrap's admin message to a server ready to listen.

import ConfigAPI
import CoreConfig
import Glibc

/// Reads `admin`: address, socket options, access logs, allowed paths.
struct AdminReader {
    /// What the admin server needs beside its pages.
    struct Plan {
        var address: SocketAddress
        var options: AdminServer.Options
        var allowedPaths: [StringMatcher]
        /// Files that get a line per request.
        var logs: [LogFile]
    }

    private let message: Envoy_Config_Bootstrap_V3_Admin
    private let files: LogFiles
    private let path = "admin"
    private(set) var problems: [ConfigProblem] = []

    init(_ message: Envoy_Config_Bootstrap_V3_Admin, files: LogFiles) {
        self.message = message
        self.files = files
    }

    /// Nil when there is no admin port, or a problem.
    mutating func read() -> Plan? {
        let logs = readLogs()
        var options = AdminServer.Options()
        var reader = SocketOptionReader(path: "\(path).socket_options")
        let read = reader.read(message.socketOptions)
        options.socketOptions = read.bound + read.listening
        problems += reader.problems
        var paths: [StringMatcher] = []
        for (index, matcher) in message.allowPaths.enumerated() {
            do throws(CompileFailure) {
                paths.append(try StringMatcher(matcher))
            } catch {
                let here = "\(path).allow_paths[\(index)]"
                problems += error.problems.map {
                    ConfigProblem(path: $0.path.isEmpty ? here : "\(here).\($0.path)", text: $0.text)
                }
            }
        }
        guard let address = readAddress(&options), !problems.hasErrors else { return nil }
        return Plan(address: address, options: options, allowedPaths: paths, logs: logs)
    }

    private mutating func readAddress(_ options: inout AdminServer.Options) -> SocketAddress? {
        switch message.address.address {
        case nil: return nil
        case .socketAddress(let socket)?:
            let port = UInt16(clamping: socket.portValue)
            if let address = SocketAddress(literal: socket.address, port: port) { return address }
            problems.append(
                ConfigProblem(
                    path: "\(path).address.socket_address.address", found: "\"\(socket.address)\"",
                    allowed: "an IPv4 or IPv6 address", text: "malformed IP address"))
            return nil
        case .pipe(let pipe)?:
            if pipe.mode != 0 { options.socketMode = pipe.mode }
            guard pipe.path.utf8.count <= SocketAddress.maxUnixPathBytes else {
                problems.append(
                    ConfigProblem(
                        path: "\(path).address.pipe.path", found: "\(pipe.path.utf8.count) bytes",
                        allowed: "at most \(SocketAddress.maxUnixPathBytes) bytes", text: "the path is too long"))
                return nil
            }
            return .unix(path: pipe.path)
        }
    }

    /// Admin requests are HTTP, whose access-log operators come with http-proxy: until then, lines have the default form.
    private mutating func readLogs() -> [LogFile] {
        var logs: [LogFile] = []
        if !message.accessLogPath.isEmpty, let file = open(message.accessLogPath, "\(path).access_log_path") {
            logs.append(file)
        }
        for (index, log) in message.accessLog.enumerated() {
            let here = "\(path).access_log[\(index)]"
            if log.hasFilter {
                problems.append(ConfigProblem(path: "\(here).filter", text: "the admin port's log takes no filter yet"))
            }
            if let file: Envoy_Extensions_AccessLoggers_File_V3_FileAccessLog = AnyUnpacker.unpack(log.typedConfig) {
                if file.accessLogFormat != nil { refuseFormat(here) }
                if let made = open(file.path, "\(here).typed_config.path") { logs.append(made) }
            } else if let out: Envoy_Extensions_AccessLoggers_Stream_V3_StdoutAccessLog = AnyUnpacker.unpack(
                log.typedConfig)
            {
                if out.accessLogFormat != nil { refuseFormat(here) }
                logs.append(files.standardOutput)
            } else if let error: Envoy_Extensions_AccessLoggers_Stream_V3_StderrAccessLog = AnyUnpacker.unpack(
                log.typedConfig)
            {
                if error.accessLogFormat != nil { refuseFormat(here) }
                logs.append(files.standardError)
            } else {
                problems.append(
                    ConfigProblem(
                        path: "\(here).typed_config", found: log.typedConfig.typeURL,
                        text: "an access log of this type cannot log admin requests"))
            }
        }
        return logs
    }

    private mutating func refuseFormat(_ here: String) {
        problems.append(
            ConfigProblem(
                path: "\(here).typed_config.log_format",
                text: "the admin port's log has the default format; its own format is not honoured yet"))
    }

    private mutating func open(_ file: String, _ field: String) -> LogFile? {
        do throws(LogFileError) {
            return try files.open(file)
        } catch {
            problems.append(ConfigProblem(path: field, found: file, text: "\(error)"))
            return nil
        }
    }
}
