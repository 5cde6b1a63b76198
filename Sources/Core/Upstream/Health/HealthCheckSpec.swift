// What a cluster's configuration says about active health checks.

/// Times in milliseconds; intervals not configured are those Envoy falls back to.
public struct HealthCheckSpec: Hashable, Sendable {
    public var timeoutMS: Int64 = 1000
    public var intervalMS: Int64 = 5000
    public var initialJitterMS: Int64 = 0
    public var intervalJitterMS: Int64 = 0
    public var intervalJitterPercent: UInt32 = 0
    public var unhealthyThreshold: UInt32 = 1
    public var healthyThreshold: UInt32 = 1
    /// Until the cluster has been used for the first time.
    public var noTrafficIntervalMS: Int64 = 60_000
    /// As above, for hosts that pass.
    public var noTrafficHealthyIntervalMS: Int64 = 60_000
    /// For hosts that fail.
    public var unhealthyIntervalMS: Int64 = 5000
    /// For hosts that pass but failed once, until the threshold decides.
    public var unhealthyEdgeIntervalMS: Int64 = 5000
    /// For hosts that fail but passed once, until the threshold decides.
    public var healthyEdgeIntervalMS: Int64 = 5000
    /// Port of checks, 0 = the host's. A host's own health check port wins.
    public var alternatePort: UInt16 = 0
    public var reusesConnection = true
    public var alwaysLogsFailures = false
    public var alwaysLogsSuccess = false
    /// File for events as JSON lines; empty = none.
    public var eventLogPath = ""
    public var probe = ProbeSpec.tcp(TCPProbeSpec())

    public init() {}
}

/// What a check does. HTTP, gRPC and Redis come with their proxies.
public enum ProbeSpec: Hashable, Sendable {
    case tcp(TCPProbeSpec)

    /// As event logs spell it.
    public var typeName: String {
        switch self {
        case .tcp: "TCP"
        }
    }
}

/// Bytes to send and blocks to find, in order, in the answer. Both empty: connecting is enough.
public struct TCPProbeSpec: Hashable, Sendable {
    public var send: [UInt8] = []
    public var receive: [[UInt8]] = []

    public init(send: [UInt8] = [], receive: [[UInt8]] = []) {
        self.send = send
        self.receive = receive
    }
}
