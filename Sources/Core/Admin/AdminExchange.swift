// One request and its answer, for the admin port's access logs.

package struct AdminExchange {
    package var request: AdminRequest
    /// `HTTP/1.1` or `HTTP/1.0`.
    package var protocolName: String
    package var status: Int
    package var responseHeaders: [(name: String, value: String)]
    /// Bodies.
    package var bytesReceived: Int
    package var bytesSent: Int
    /// Heads and chunk sizes included.
    package var wireBytesReceived: UInt64
    package var wireBytesSent: UInt64
    package var start: Instant
    package var end: Instant
    package var connectionID: UInt64
    package var remote: SocketAddress?
    package var local: SocketAddress?

    /// The exchange as access logs see streams. `endWallNS` is nanoseconds since 1970 at ``end``.
    func streamInfo(endWallNS: UInt64 = StreamInfo.readWallNS()) -> StreamInfo {
        var info = StreamInfo(now: start, wallNS: endWallNS &- end.nanoseconds(since: start))
        info.endTime = end
        info.connectionID = connectionID
        info.downstreamRemoteAddress = remote
        info.downstreamLocalAddress = local
        info.bytesReceived = UInt64(bytesReceived)
        info.bytesSent = UInt64(bytesSent)
        info.downstreamWireBytesReceived = wireBytesReceived
        info.downstreamWireBytesSent = wireBytesSent
        var http = HTTPStreamFacts()
        http.protocolName = protocolName
        http.responseCode = UInt32(status)
        http.responseHeaders = [(":status", "\(status)")] + responseHeaders
        if !request.method.isEmpty {
            http.requestHeaders = [
                (":method", request.method), (":path", request.target), (":scheme", "http"),
                (":authority", request.host),
            ]
            http.requestHeaders += request.headers
            // As Envoy's admin port, which knows its clients by their addresses.
            if let remote, remote.isIP, !request.headers.contains(where: { $0.name == "x-forwarded-for" }) {
                http.requestHeaders.append(("x-forwarded-for", remote.addressWithoutPort))
            }
        }
        info.details.http = http
        return info
    }
}
