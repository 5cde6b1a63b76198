import Glibc

/// What is known of one stream (for TCP: one downstream connection) for access logs, filters and steering.
///
/// A plain struct kept inside the session: making one allocates nothing, and what few streams need is behind
/// ``details``, made at first use. Belongs to the worker's thread.
public struct StreamInfo {
    // MARK: Downstream

    public var connectionID: UInt64 = 0
    /// Nanoseconds since 1970 at the start of the stream.
    public var startWallNS: UInt64
    public var startTime: Instant
    /// Set once when the stream ends; until then durations run to the time of the record.
    public var endTime: Instant?
    /// The client as seen after a PROXY header or the like; nil until known.
    public var downstreamRemoteAddress: SocketAddress?
    public var downstreamLocalAddress: SocketAddress?
    public var listenerName = ""
    public var filterChainName = ""
    /// SNI; empty when there was none.
    public var requestedServerName = ""

    // MARK: Upstream

    /// The chosen host; set even if connecting failed.
    public var upstreamHostAddress: SocketAddress?
    /// The host's name where it has one (DNS); empty: its address is its name.
    public var upstreamHostName = ""
    public var upstreamCluster = ""
    /// Both ends of the upstream connection; nil until connected, or where no log asks.
    private var upstreamEnds: UpstreamEnds?
    public var upstreamConnectionID: UInt64 = 0
    /// Attempts to get an upstream connection so far.
    public var upstreamAttemptCount: UInt32 = 0

    /// From asking for a connection to having one or failing; nil while neither has come.
    public var upstreamPoolReadyNS: UInt64?

    // MARK: Account

    /// Payload from and to the client.
    public var bytesReceived: UInt64 = 0
    public var bytesSent: UInt64 = 0
    /// As carried by the sockets, with TLS or tunnel framing where there is any.
    public var downstreamWireBytesReceived: UInt64 = 0
    public var downstreamWireBytesSent: UInt64 = 0
    public var upstreamWireBytesReceived: UInt64 = 0
    public var upstreamWireBytesSent: UInt64 = 0
    public var responseFlags: ResponseFlags = []
    public var downstreamCloseType: DetectedCloseType = .normal
    public var upstreamCloseType: DetectedCloseType = .normal

    private var rare: StreamDetails?

    /// `now` is the loop's time; the wall clock is read here, once.
    public init(now: Instant) {
        startTime = now
        startWallNS = StreamInfo.readWallNS()
    }

    /// For tests and for callers that have read the wall clock.
    public init(now: Instant, wallNS: UInt64) {
        startTime = now
        startWallNS = wallNS
    }

    /// What few streams need; reading this makes the object. Ask ``existingDetails`` to look without making it.
    public var details: StreamDetails {
        mutating get {
            if let rare { return rare }
            let made = StreamDetails()
            rare = made
            return made
        }
    }

    public var existingDetails: StreamDetails? { rare }

    /// Our end of the upstream connection; nil until connected.
    public var upstreamLocalAddress: SocketAddress? {
        get { upstreamEnds?.local }
        set { setUpstreamEnds(newValue, upstreamEnds?.remote) }
    }

    /// The host's end of it; nil until connected.
    public var upstreamRemoteAddress: SocketAddress? {
        get { upstreamEnds?.remote }
        set { setUpstreamEnds(upstreamEnds?.local, newValue) }
    }

    /// Sets both ends at once: one allocation.
    public mutating func setUpstreamEnds(_ local: SocketAddress?, _ remote: SocketAddress?) {
        upstreamEnds = local == nil && remote == nil ? nil : UpstreamEnds(local: local, remote: remote)
    }

    /// Nanoseconds since 1970.
    public static func readWallNS() -> UInt64 {
        var ts = timespec()
        clock_gettime(CLOCK_REALTIME, &ts)
        return UInt64(ts.tv_sec) &* 1_000_000_000 &+ UInt64(ts.tv_nsec)
    }
}

/// Apart, because they are asked for only where access logs are written, and would lie in every idle connection.
private final class UpstreamEnds {
    let local: SocketAddress?
    let remote: SocketAddress?

    init(local: SocketAddress?, remote: SocketAddress?) {
        self.local = local
        self.remote = remote
    }
}

/// How a connection was seen to end, beyond an ordinary close.
public enum DetectedCloseType: UInt8, Sendable {
    case normal, localReset, remoteReset

    public var name: String {
        switch self {
        case .normal: "Normal"
        case .localReset: "LocalReset"
        case .remoteReset: "RemoteReset"
        }
    }
}
