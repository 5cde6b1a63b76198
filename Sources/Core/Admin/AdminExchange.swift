// One request and its answer, for the admin access log.

import Glibc

package struct AdminExchange {
    package var request: AdminRequest
    package var status: Int
    package var bytesSent: Int
    package var durationMS: Int
    package var remote: SocketAddress?

    /// A line in the form of Envoy's default HTTP access log.
    package func line(wallNS: UInt64) -> String {
        var seconds = time_t(wallNS / 1_000_000_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func padded(_ value: Int, _ width: Int) -> String {
            let digits = "\(value)"
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = "\(parts.tm_year + 1900)-\(padded(Int(parts.tm_mon) + 1, 2))-\(padded(Int(parts.tm_mday), 2))"
        let clock = "\(padded(Int(parts.tm_hour), 2)):\(padded(Int(parts.tm_min), 2)):\(padded(Int(parts.tm_sec), 2))"
        let millis = padded(Int(wallNS / 1_000_000 % 1000), 3)
        let agent = request.userAgent.isEmpty ? "-" : Self.escaped(request.userAgent)
        let host = request.host.isEmpty ? "-" : Self.escaped(request.host)
        return
            "[\(date)T\(clock).\(millis)Z] \"\(request.method) \(Self.escaped(request.target)) HTTP/1.1\" \(status) - 0 "
            + "\(bytesSent) \(durationMS) - \"\(remote.map { $0.addressWithoutPort } ?? "-")\" \"\(agent)\" \"-\" \"\(host)\" \"-\"\n"
    }

    /// A quote in a header must not end the field that it stands in.
    private static func escaped(_ text: String) -> String {
        text.contains("\"") || text.contains("\\")
            ? text.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() : text
    }
}
