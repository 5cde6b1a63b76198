// From a health check message to values.

import ConfigAPI
import CoreConfig

/// Reads one `health_checks` entry, filling in the intervals that fall back to others.
struct HealthCheckReader {
    private let message: Envoy_Config_Core_V3_HealthCheck
    private let path: String
    private(set) var problems: [ConfigProblem] = []

    init(_ message: Envoy_Config_Core_V3_HealthCheck, path: String) {
        self.message = message
        self.path = path
    }

    mutating func read() -> HealthCheckSpec {
        var spec = HealthCheckSpec()
        let interval = max(1, message.interval.milliseconds)
        spec.timeoutMS = max(1, message.timeout.milliseconds)
        spec.intervalMS = interval
        if message.hasInitialJitter { spec.initialJitterMS = message.initialJitter.milliseconds }
        if message.hasIntervalJitter { spec.intervalJitterMS = message.intervalJitter.milliseconds }
        spec.intervalJitterPercent = message.intervalJitterPercent
        spec.unhealthyThreshold = message.unhealthyThreshold.value
        spec.healthyThreshold = message.healthyThreshold.value
        if message.hasNoTrafficInterval { spec.noTrafficIntervalMS = message.noTrafficInterval.milliseconds }
        spec.noTrafficHealthyIntervalMS =
            message.hasNoTrafficHealthyInterval
            ? message.noTrafficHealthyInterval.milliseconds : spec.noTrafficIntervalMS
        spec.unhealthyIntervalMS = message.hasUnhealthyInterval ? message.unhealthyInterval.milliseconds : interval
        spec.unhealthyEdgeIntervalMS =
            message.hasUnhealthyEdgeInterval ? message.unhealthyEdgeInterval.milliseconds : spec.unhealthyIntervalMS
        spec.healthyEdgeIntervalMS =
            message.hasHealthyEdgeInterval ? message.healthyEdgeInterval.milliseconds : interval
        if message.hasAltPort {
            if message.altPort.value > 65535 {
                fail("alt_port", "no such port", found: "\(message.altPort.value)", allowed: "1 to 65535")
            }
            spec.alternatePort = UInt16(clamping: message.altPort.value)
        }
        spec.reusesConnection = message.hasReuseConnection ? message.reuseConnection.value : true
        spec.alwaysLogsFailures = message.alwaysLogHealthCheckFailures
        spec.alwaysLogsSuccess = message.alwaysLogHealthCheckSuccess
        spec.eventLogPath = message.eventLogPath
        switch message.healthChecker {
        case .tcpHealthCheck(let tcp)?: spec.probe = .tcp(read(tcp))
        case nil: fail("tcp_health_check", "a health check needs its kind", allowed: "tcp_health_check")
        }
        return spec
    }

    private mutating func fail(_ field: String, _ text: String, found: String? = nil, allowed: String? = nil) {
        problems.append(ConfigProblem(path: "\(path).\(field)", found: found, allowed: allowed, text: text))
    }

    private mutating func read(_ tcp: Envoy_Config_Core_V3_HealthCheck.TcpHealthCheck) -> TCPProbeSpec {
        var spec = TCPProbeSpec()
        if tcp.hasSend { spec.send = bytes(tcp.send, "tcp_health_check.send") }
        for (index, payload) in tcp.receive.enumerated() {
            let block = bytes(payload, "tcp_health_check.receive[\(index)]")
            if !block.isEmpty { spec.receive.append(block) }
        }
        return spec
    }

    private mutating func bytes(_ payload: Envoy_Config_Core_V3_HealthCheck.Payload, _ field: String) -> [UInt8] {
        switch payload.payload {
        case .text(let text)?:
            if let bytes = HealthCheckReader.hexBytes(text) { return bytes }
            fail("\(field).text", "not hexadecimal", found: "\"\(text)\"", allowed: "pairs of hexadecimal digits")
        case .binary(let data)?:
            return Array(data)
        case nil:
            fail(field, "a payload is missing", allowed: "text, binary")
        }
        return []
    }

    static func hexBytes(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = hexValue(digits[index]), let low = hexValue(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func hexValue(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
