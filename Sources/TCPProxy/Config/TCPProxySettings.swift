// tcp_proxy's configuration, compiled.

import Core

/// When the upstream connection is made.
enum ConnectMode: Sendable {
    case immediate
    /// At the client's first byte.
    case onDownstreamData
}

/// What a connection is hashed by, for the balancers that hash.
enum TCPHashPolicy: Sendable, Equatable {
    case sourceIP
    case filterState(key: String)
}

/// Everything about one `tcp_proxy` filter that does not change while it lives.
struct TCPProxySettings: Sendable {
    var statPrefix: String
    var router: TCPRouter
    /// 0 = never.
    var idleTimeoutMS: Int64 = 3_600_000
    /// Nothing from that side for so long; 0 = not watched.
    var downstreamIdleTimeoutMS: Int64 = 0
    var upstreamIdleTimeoutMS: Int64 = 0
    var maxConnectAttempts: UInt32 = 1
    var backoff: ConnectBackoff?
    var hashPolicy: TCPHashPolicy?
    /// 0 = none.
    var maxDurationMS: Int64 = 0
    /// Up to this much longer, drawn per connection.
    var maxDurationJitterPercent: Double = 0
    var accessLogs: [AccessLog] = []
    /// 0 = at the end only.
    var accessLogIntervalMS: Int64 = 0
    var logsOnConnected = false
    var logsOnStart = false
    var connectMode = ConnectMode.immediate
    /// Bytes read from the client before the upstream is there; nil = none.
    var maxEarlyDataBytes: Int?
    var closesWhenDraining = true
}

/// Delay between connect attempts: exponential with full jitter, as Envoy's `BackoffStrategy`.
struct ConnectBackoff: Sendable {
    var baseMS: Int64
    var maxMS: Int64

    /// The delay before attempt `attempt` (1 = the first retry). `draw` is a uniform random number.
    func delayMS(attempt: Int, draw: UInt64) -> Int64 {
        let (doubled, overflow) = baseMS.multipliedReportingOverflow(by: 1 << Int64(min(attempt, 32) - 1))
        let exponential = overflow ? maxMS : min(maxMS, doubled)
        return exponential <= 0 ? 0 : Int64(draw % UInt64(exponential))
    }
}
