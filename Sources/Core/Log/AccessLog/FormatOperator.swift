/// What one `%OPERATOR%` reads, resolved at load: no name is looked up when a record is written.
enum FormatOperator: Sendable {
    /// Known, but never there for a TCP stream: prints `-`, null in JSON.
    case absent
    /// Known, and empty rather than missing for a TCP stream.
    case emptyText
    /// Known, and zero for a TCP stream.
    case zero
    /// Fixed when the configuration is loaded.
    case constant(String)
    case field(StreamField)
    case http(HTTPField)
    case startTime(TimeFormat)
    case emitTime(TimeFormat)
    case commonDuration(start: String, end: String, unitNS: UInt64)
    case metadata(MetadataSource, filter: String, path: [String])
    case filterState(key: String, isUpstream: Bool, isPlain: Bool)
    case streamID
    case uniqueID
    /// The first of these that is there.
    case coalesce([FormatStep])
}

/// An operator and its length limit.
struct FormatStep: Sendable {
    let op: FormatOperator
    /// `:Z`: at most so many bytes of text.
    let maxBytes: Int?
}

enum MetadataSource: UInt8, Sendable { case dynamic, cluster, route, upstreamHost, listener, filterChain, virtualHost }

/// Fields read straight from ``StreamInfo``, with the type they have in JSON.
enum StreamField: UInt8, Sendable {
    case accessLogType, bytesReceived, bytesSent, connectionID, connectionTerminationDetails, duration
    case downstreamDetectedCloseType, downstreamDirectLocalAddress, downstreamDirectLocalAddressWithoutPort
    case downstreamDirectLocalPort, downstreamDirectRemoteAddress, downstreamDirectRemoteAddressWithoutPort
    case downstreamDirectRemotePort, downstreamLocalAddress, downstreamLocalAddressWithoutPort
    case downstreamLocalCloseReason, downstreamLocalPort, downstreamRemoteAddress
    case downstreamRemoteAddressWithoutPort, downstreamRemotePort, downstreamTransportFailureReason
    case downstreamWireBytesReceived, downstreamWireBytesSent, filterChainName, listenerName, requestedServerName
    case responseCodeDetails, responseFlags, responseFlagsLong, routeName, upstreamCluster, upstreamConnectionID
    case upstreamConnectionIDsAttempted, upstreamDetectedCloseType, upstreamHost, upstreamHostName
    case upstreamHostNameWithoutPort, upstreamHostsAttempted, upstreamHostsAttemptedWithoutPort
    case upstreamHostNamesAttempted, upstreamHostNamesAttemptedWithoutPort, upstreamLocalAddress
    case upstreamLocalAddressWithoutPort, upstreamLocalCloseReason, upstreamLocalPort, upstreamPoolReadyDuration
    case upstreamRemoteAddress, upstreamRemoteAddressWithoutPort, upstreamRemotePort, upstreamRequestAttemptCount
    case upstreamTransportFailureReason, upstreamWireBytesReceived, upstreamWireBytesSent, virtualClusterName
}
