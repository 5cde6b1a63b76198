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
        /// What gets a record per request.
        var logs: [AccessLog]
    }

    private let message: Envoy_Config_Bootstrap_V3_Admin
    private let logs: AccessLogManager
    private let path = "admin"
    private(set) var problems: [ConfigProblem] = []

    init(_ message: Envoy_Config_Bootstrap_V3_Admin, logs: AccessLogManager) {
        self.message = message
        self.logs = logs
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

    /// `access_log_path` has the default format; the others have what they ask for.
    private mutating func readLogs() -> [AccessLog] {
        var made: [AccessLog] = []
        if !message.accessLogPath.isEmpty {
            do throws(LogFileError) {
                made.append(AccessLog(format: .standardHTTP, file: try logs.files.open(message.accessLogPath)))
            } catch {
                problems.append(
                    ConfigProblem(path: "\(path).access_log_path", found: message.accessLogPath, text: "\(error)"))
            }
        }
        return made + logs.make(message.accessLog, path: "\(path).access_log", isHTTP: true, problems: &problems)
    }
}
