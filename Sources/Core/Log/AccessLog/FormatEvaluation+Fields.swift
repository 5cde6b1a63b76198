/// The fields of ``StreamInfo`` as text or number. The record is handed down `inout` though nobody changes it here: by
/// value it would be copied, with a count for each of its strings, at every operator (measured).
extension FormatEvaluation {
    func write(_ field: StreamField, _ info: inout StreamInfo, to out: inout [UInt8]) -> Written {
        let details = info.existingDetails
        switch field {
        case .accessLogType: return text(type.name, to: &out)
        case .bytesReceived: return number(info.bytesReceived, to: &out)
        case .bytesSent: return number(info.bytesSent, to: &out)
        case .connectionID: return number(info.connectionID, to: &out)
        case .connectionTerminationDetails: return text(details?.connectionTerminationDetails ?? "", to: &out)
        case .duration:
            return number((info.endTime ?? now).nanoseconds(since: info.startTime) / 1_000_000, to: &out)
        case .downstreamDetectedCloseType: return text(info.downstreamCloseType.name, to: &out)
        case .downstreamDirectLocalAddress: return address(directLocal(&info), withPort: true, to: &out)
        case .downstreamDirectLocalAddressWithoutPort: return address(directLocal(&info), withPort: false, to: &out)
        case .downstreamDirectLocalPort: return port(directLocal(&info), to: &out)
        case .downstreamDirectRemoteAddress: return address(directRemote(&info), withPort: true, to: &out)
        case .downstreamDirectRemoteAddressWithoutPort: return address(directRemote(&info), withPort: false, to: &out)
        case .downstreamDirectRemotePort: return port(directRemote(&info), to: &out)
        case .downstreamLocalAddress: return address(info.downstreamLocalAddress, withPort: true, to: &out)
        case .downstreamLocalAddressWithoutPort: return address(info.downstreamLocalAddress, withPort: false, to: &out)
        case .downstreamLocalCloseReason: return text(details?.downstreamLocalCloseReason ?? "", to: &out)
        case .downstreamLocalPort: return port(info.downstreamLocalAddress, to: &out)
        case .downstreamRemoteAddress: return address(info.downstreamRemoteAddress, withPort: true, to: &out)
        case .downstreamRemoteAddressWithoutPort:
            return address(info.downstreamRemoteAddress, withPort: false, to: &out)
        case .downstreamRemotePort: return port(info.downstreamRemoteAddress, to: &out)
        case .downstreamTransportFailureReason:
            return reason(details?.downstreamTransportFailureReason ?? "", to: &out)
        case .downstreamWireBytesReceived: return number(info.downstreamWireBytesReceived, to: &out)
        case .downstreamWireBytesSent: return number(info.downstreamWireBytesSent, to: &out)
        case .filterChainName: return text(info.filterChainName, to: &out)
        case .listenerName: return text(info.listenerName, to: &out)
        case .requestedServerName: return text(info.requestedServerName, to: &out)
        case .responseCodeDetails: return reason(details?.responseCodeDetails ?? "", to: &out)
        case .responseFlags: return flags(info.responseFlags, isLong: false, to: &out)
        case .responseFlagsLong: return flags(info.responseFlags, isLong: true, to: &out)
        case .routeName: return text(details?.routeName ?? "", to: &out)
        case .upstreamCluster: return text(info.upstreamCluster, to: &out)
        case .upstreamConnectionID:
            return info.upstreamHostAddress == nil ? .missing : number(info.upstreamConnectionID, to: &out)
        case .upstreamConnectionIDsAttempted: return connectionIDs(&info, to: &out)
        case .upstreamDetectedCloseType:
            return info.upstreamHostAddress == nil ? .missing : text(info.upstreamCloseType.name, to: &out)
        case .upstreamHost: return address(info.upstreamHostAddress, withPort: true, to: &out)
        case .upstreamHostName: return hostName(&info, withPort: true, to: &out)
        case .upstreamHostNameWithoutPort: return hostName(&info, withPort: false, to: &out)
        case .upstreamHostsAttempted: return attempted(&info, names: false, withPort: true, to: &out)
        case .upstreamHostsAttemptedWithoutPort: return attempted(&info, names: false, withPort: false, to: &out)
        case .upstreamHostNamesAttempted: return attempted(&info, names: true, withPort: true, to: &out)
        case .upstreamHostNamesAttemptedWithoutPort: return attempted(&info, names: true, withPort: false, to: &out)
        case .upstreamLocalAddress: return address(info.upstreamLocalAddress, withPort: true, to: &out)
        case .upstreamLocalAddressWithoutPort: return address(info.upstreamLocalAddress, withPort: false, to: &out)
        case .upstreamLocalCloseReason: return text(details?.upstreamLocalCloseReason ?? "", to: &out)
        case .upstreamLocalPort: return port(info.upstreamLocalAddress, to: &out)
        case .upstreamPoolReadyDuration:
            guard info.upstreamHostAddress != nil else { return .missing }
            return number((info.upstreamPoolReadyNS ?? 0) / 1_000_000, to: &out)
        case .upstreamRemoteAddress: return address(info.upstreamRemoteAddress, withPort: true, to: &out)
        case .upstreamRemoteAddressWithoutPort: return address(info.upstreamRemoteAddress, withPort: false, to: &out)
        case .upstreamRemotePort: return port(info.upstreamRemoteAddress, to: &out)
        case .upstreamRequestAttemptCount:
            return info.upstreamAttemptCount == 0 ? .missing : number(UInt64(info.upstreamAttemptCount), to: &out)
        case .upstreamTransportFailureReason: return reason(details?.upstreamTransportFailureReason ?? "", to: &out)
        case .upstreamWireBytesReceived: return number(info.upstreamWireBytesReceived, to: &out)
        case .upstreamWireBytesSent: return number(info.upstreamWireBytesSent, to: &out)
        case .virtualClusterName: return text(details?.virtualClusterName ?? "", to: &out)
        }
    }

    func number(_ value: UInt64, to out: inout [UInt8]) -> Written {
        out.appendDecimal(value)
        return .number
    }

    func text(_ text: String, to out: inout [UInt8]) -> Written {
        if text.isEmpty { return .missing }
        out.append(contentsOf: text.utf8)
        return .text
    }

    /// Reasons are free text: blanks become underscores, so that a field stays one word.
    private func reason(_ text: String, to out: inout [UInt8]) -> Written {
        if text.isEmpty { return .missing }
        for byte in text.utf8 {
            let isBlank = byte == UInt8(ascii: " ") || (byte >= 9 && byte <= 13)
            out.append(isBlank ? UInt8(ascii: "_") : byte)
        }
        return .text
    }

    private func address(_ address: SocketAddress?, withPort: Bool, to out: inout [UInt8]) -> Written {
        guard let address else { return .missing }
        out.append(address, withPort: withPort)
        return .text
    }

    private func port(_ address: SocketAddress?, to out: inout [UInt8]) -> Written {
        guard let address, address.isIP else { return .missing }
        return number(UInt64(address.port), to: &out)
    }

    private func flags(_ flags: ResponseFlags, isLong: Bool, to out: inout [UInt8]) -> Written {
        guard !flags.isEmpty else {
            // Not missing: Envoy's own value for "no flag" is a dash, in JSON and with omit_empty_values too.
            out.append(UInt8(ascii: "-"))
            return .text
        }
        var rest = flags.rawValue
        var isFirst = true
        while rest != 0 {
            let bit = rest.trailingZeroBitCount
            rest &= rest - 1
            guard bit < ResponseFlags.names.count else { continue }
            if !isFirst { out.append(UInt8(ascii: ",")) }
            isFirst = false
            out.append(contentsOf: (isLong ? ResponseFlags.names[bit].long : ResponseFlags.names[bit].short).utf8)
        }
        return .text
    }

    private func directLocal(_ info: inout StreamInfo) -> SocketAddress? {
        info.existingDetails?.downstreamDirectLocalAddress ?? info.downstreamLocalAddress
    }

    private func directRemote(_ info: inout StreamInfo) -> SocketAddress? {
        info.existingDetails?.downstreamDirectRemoteAddress ?? info.downstreamRemoteAddress
    }

    private func hostName(_ info: inout StreamInfo, withPort: Bool, to out: inout [UInt8]) -> Written {
        guard let host = info.upstreamHostAddress else { return .missing }
        name(info.upstreamHostName, host, withPort: withPort, to: &out)
        return .text
    }

    private func name(_ name: String, _ address: SocketAddress, withPort: Bool, to out: inout [UInt8]) {
        if name.isEmpty {
            out.append(address, withPort: withPort)
            return
        }
        let start = out.count
        out.append(contentsOf: name.utf8)
        // The port is what follows the last colon, if that is a number.
        guard !withPort, let colon = out[start...].lastIndex(of: UInt8(ascii: ":")), colon + 1 < out.count,
            out[(colon + 1)...].allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") })
        else { return }
        out.removeSubrange(colon...)
    }

    private func attempted(_ info: inout StreamInfo, names: Bool, withPort: Bool, to out: inout [UInt8]) -> Written {
        let hosts = info.existingDetails?.upstreamHostsAttempted ?? []
        if hosts.isEmpty {
            return names
                ? hostName(&info, withPort: withPort, to: &out)
                : address(info.upstreamHostAddress, withPort: withPort, to: &out)
        }
        for (index, host) in hosts.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            if names {
                name(host.name, host.address, withPort: withPort, to: &out)
            } else {
                out.append(host.address, withPort: withPort)
            }
        }
        return .text
    }

    private func connectionIDs(_ info: inout StreamInfo, to out: inout [UInt8]) -> Written {
        let ids = info.existingDetails?.upstreamConnectionIDsAttempted ?? []
        if ids.isEmpty {
            guard info.upstreamRemoteAddress != nil else { return .missing }
            out.appendDecimal(info.upstreamConnectionID)
            return .text
        }
        for (index, id) in ids.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            out.appendDecimal(id)
        }
        return .text
    }
}
