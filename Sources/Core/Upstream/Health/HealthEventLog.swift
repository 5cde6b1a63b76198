// Health check events as lines of JSON, in the form of Envoy's HealthCheckEvent.

import Glibc

/// One thing that happened to a host's active health.
struct HealthEvent {
    enum Kind {
        case ejectUnhealthy(CheckResult)
        case addHealthy(isFirstCheck: Bool)
        case success
        case failure(CheckResult, isFirstCheck: Bool)
    }

    var checker: String
    var host: Host
    var cluster: String
    var kind: Kind
    var metadata: Metadata

    /// One line without its end.
    func json(at time: timespec) -> String {
        let address: String
        switch host.address {
        case .v4(_, let port), .v6(_, _, let port, _):
            address =
                "{\"socket_address\":{\"protocol\":\"TCP\",\"address\":\(quoted(host.address.addressWithoutPort)),"
                + "\"port_value\":\(port),\"resolver_name\":\"\",\"ipv4_compat\":false,"
                + "\"network_namespace_filepath\":\"\"}}"
        case .unix(let path):
            address = "{\"pipe\":{\"path\":\(quoted(path)),\"mode\":0}}"
        }
        let event = kindText
        let place = host.locality
        let metadataText =
            metadata.isEmpty
            ? ""
            : "\"metadata\":{\"filter_metadata\":\(quoted(metadata.filterMetadata)),\"typed_filter_metadata\":{}},"
        return "{\"health_checker_type\":\"\(checker)\",\"host\":\(address),\"cluster_name\":\(quoted(cluster)),"
            + "\(event.beforeTime)\"timestamp\":\"\(HealthEvent.text(of: time))\",\(event.afterTime)\(metadataText)"
            + "\"locality\":{\"region\":\(quoted(place.region)),\"zone\":\(quoted(place.zone)),"
            + "\"sub_zone\":\(quoted(place.subZone))}\(event.last)}"
    }

    /// The event, in the place that its field number gives it among the others.
    private var kindText: (beforeTime: String, afterTime: String, last: String) {
        switch kind {
        case .ejectUnhealthy(let result):
            ("\"eject_unhealthy_event\":{\"failure_type\":\"\(result.failureType)\",\"http_status_code\":0},", "", "")
        case .addHealthy(let isFirstCheck): ("\"add_healthy_event\":{\"first_check\":\(isFirstCheck)},", "", "")
        case .success: ("", "", ",\"successful_health_check_event\":{}")
        case .failure(let result, let isFirstCheck):
            (
                "",
                "\"health_check_failure_event\":{\"failure_type\":\"\(result.failureType)\","
                    + "\"first_check\":\(isFirstCheck),\"http_status_code\":0},", ""
            )
        }
    }

    private static func text(of time: timespec) -> String {
        var seconds = time.tv_sec
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func padded(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
        }
        return "\(Int(parts.tm_year) + 1900)-\(padded(Int(parts.tm_mon) + 1, 2))-\(padded(Int(parts.tm_mday), 2))"
            + "T\(padded(Int(parts.tm_hour), 2)):\(padded(Int(parts.tm_min), 2)):\(padded(Int(parts.tm_sec), 2))"
            + ".\(padded(time.tv_nsec / 1_000_000, 3))Z"
    }

    private func quoted(_ text: String) -> String { json(.string(text)) }

    private func quoted(_ objects: [String: MetadataValue]) -> String { json(.object(objects)) }

    private func json(_ value: MetadataValue) -> String {
        var bytes: [UInt8] = []
        bytes.appendJSON(value)
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension CheckResult {
    /// As HealthCheckFailureType spells it.
    fileprivate var failureType: String {
        switch self {
        case .passed, .failedActive: "ACTIVE"
        case .failedNetwork: "NETWORK"
        case .timedOut: "NETWORK_TIMEOUT"
        }
    }
}

/// One event file. Main thread; a line is one `write`, so lines of several processes do not mix.
final class HealthEventLog {
    private let path: String
    private var fd: Int32 = -1
    /// Lines lost because the file could not be opened or written.
    private(set) var lostCount = 0

    init(path: String) { self.path = path }

    deinit { if fd >= 0 { close(fd) } }

    /// Opens the file anew at the next event (log rotation).
    func reopen() {
        if fd >= 0 { close(fd) }
        fd = -1
    }

    func write(_ event: HealthEvent) {
        if fd < 0 { fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644) }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let line = Array("\(event.json(at: now))\n".utf8)
        if fd < 0 || Glibc.write(fd, line, line.count) != line.count { lostCount += 1 }
    }
}

/// All event files by path: clusters that name the same file share it.
final class HealthEventLogs {
    private var logs: [String: HealthEventLog] = [:]

    func log(_ path: String) -> HealthEventLog? {
        if path.isEmpty { return nil }
        if let known = logs[path] { return known }
        let made = HealthEventLog(path: path)
        logs[path] = made
        return made
    }

    func reopen() { for log in logs.values { log.reopen() } }
}
