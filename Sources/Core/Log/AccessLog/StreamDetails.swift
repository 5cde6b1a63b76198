/// The rarer facts of a stream; see ``StreamInfo/details``. Empty strings mean "not known" throughout.
public final class StreamDetails {
    /// The socket's own ends where they differ from what a PROXY header or the like said.
    public var downstreamDirectRemoteAddress: SocketAddress?
    public var downstreamDirectLocalAddress: SocketAddress?
    /// `raw_buffer` or `tls`, as a listener filter detected it.
    public var transportProtocol = ""
    /// The protocols the client offered by ALPN.
    public var applicationProtocols: [String] = []

    public var responseCodeDetails = ""
    public var connectionTerminationDetails = ""
    public var upstreamTransportFailureReason = ""
    public var downstreamTransportFailureReason = ""
    public var downstreamLocalCloseReason = ""
    public var upstreamLocalCloseReason = ""

    /// Set for HTTP streams, the admin port's among them.
    public var http: HTTPStreamFacts?

    public var routeName = ""
    public var virtualClusterName = ""
    /// Every host tried, in order, the last one included; empty while ``StreamInfo/upstreamHostAddress`` tells all.
    public var upstreamHostsAttempted: [AttemptedHost] = []
    public var upstreamConnectionIDsAttempted: [UInt64] = []

    /// Points in time for `%COMMON_DURATION%`, in order of nothing; few.
    public var timePoints: [(name: String, time: Instant)] = []

    /// Filter name → that filter's values.
    public var dynamicMetadata = Metadata()
    /// Shared with the cluster's, host's, listener's and filter chain's configuration.
    public var clusterMetadata = Metadata()
    public var upstreamHostMetadata = Metadata()
    public var listenerMetadata = Metadata()
    public var filterChainMetadata = Metadata()
    public var routeMetadata = Metadata()
    /// Filter state that can be written as text, by key.
    public var filterState: [String: String] = [:]
    public var upstreamFilterState: [String: String] = [:]

    /// A random UUID, made when a log first asks for `%STREAM_ID%`.
    var streamID: String?

    public struct AttemptedHost: Sendable, Equatable {
        public var address: SocketAddress
        public var name: String

        public init(address: SocketAddress, name: String) {
            self.address = address
            self.name = name
        }
    }

    init() {}

    /// Notes a point in time once; later ones of the same name do not replace it.
    public func mark(_ point: TimePoint, at time: Instant) {
        guard !timePoints.contains(where: { $0.name == point.rawValue }) else { return }
        timePoints.append((point.rawValue, time))
    }

    /// The points that Envoy names in `%COMMON_DURATION(start:end:unit)%`.
    public enum TimePoint: String, Sendable, CaseIterable {
        case downstreamReceiveBegin = "DS_RX_BEG"
        case downstreamReceiveEnd = "DS_RX_END"
        case downstreamSendBegin = "DS_TX_BEG"
        case downstreamSendEnd = "DS_TX_END"
        case upstreamConnectBegin = "US_CX_BEG"
        case upstreamConnectEnd = "US_CX_END"
        case upstreamHandshakeEnd = "US_HS_END"
        case upstreamSendBegin = "US_TX_BEG"
        case upstreamSendEnd = "US_TX_END"
        case upstreamReceiveBegin = "US_RX_BEG"
        case upstreamReceiveEnd = "US_RX_END"
    }
}
