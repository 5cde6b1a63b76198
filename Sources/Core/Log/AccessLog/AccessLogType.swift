/// The moment at which a record is written; `%ACCESS_LOG_TYPE%` prints the name. Numbers are Envoy's.
public enum AccessLogType: UInt8, Sendable, CaseIterable {
    case notSet = 0
    case tcpUpstreamConnected, tcpPeriodic, tcpConnectionEnd
    case downstreamStart, downstreamPeriodic, downstreamEnd
    case upstreamPoolReady, upstreamPeriodic, upstreamEnd
    case downstreamTunnelSuccessfullyEstablished, udpTunnelUpstreamConnected, udpPeriodic, udpSessionEnd
    case tcpConnectionStart

    public var name: String {
        switch self {
        case .notSet: "NotSet"
        case .tcpUpstreamConnected: "TcpUpstreamConnected"
        case .tcpPeriodic: "TcpPeriodic"
        case .tcpConnectionEnd: "TcpConnectionEnd"
        case .downstreamStart: "DownstreamStart"
        case .downstreamPeriodic: "DownstreamPeriodic"
        case .downstreamEnd: "DownstreamEnd"
        case .upstreamPoolReady: "UpstreamPoolReady"
        case .upstreamPeriodic: "UpstreamPeriodic"
        case .upstreamEnd: "UpstreamEnd"
        case .downstreamTunnelSuccessfullyEstablished: "DownstreamTunnelSuccessfullyEstablished"
        case .udpTunnelUpstreamConnected: "UdpTunnelUpstreamConnected"
        case .udpPeriodic: "UdpPeriodic"
        case .udpSessionEnd: "UdpSessionEnd"
        case .tcpConnectionStart: "TcpConnectionStart"
        }
    }
}
