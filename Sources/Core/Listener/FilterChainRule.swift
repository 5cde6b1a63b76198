// The conditions of one filter chain: `filter_chain_match` as a value, checked.

public import ConfigAPI
import SwiftProtobuf

/// When a filter chain applies. An empty list or nil is no condition.
public struct FilterChainRule: Equatable, Sendable {
    public enum SourceType: UInt8, Sendable {
        case any, sameIPOrLoopback, external
    }

    public var destinationPort: UInt16?
    public var destinationRanges: [CIDRRange] = []
    /// In lower case: "www.example.com", or "*.example.com" for every name below it.
    public var serverNames: [String] = []
    /// `raw_buffer` or `tls`; another name loads and never matches, as in Envoy. Empty: no condition.
    public var transportProtocol = ""
    public var applicationProtocols: [String] = []
    public var directSourceRanges: [CIDRRange] = []
    public var sourceType = SourceType.any
    public var sourceRanges: [CIDRRange] = []
    public var sourcePorts: [UInt16] = []

    public init() {}

    public init(_ message: Envoy_Config_Listener_V3_FilterChainMatch) throws(CompileFailure) {
        var problems = ProblemCollector()
        if !message.addressSuffix.isEmpty { problems.add("is not implemented, here or in Envoy", at: "address_suffix") }
        if message.hasSuffixLen { problems.add("is not implemented, here or in Envoy", at: "suffix_len") }
        if message.hasDestinationPort {
            destinationPort = FilterChainRule.port(message.destinationPort.value)
            if destinationPort == nil { problems.add("must be between 1 and 65535", at: "destination_port") }
        }
        for (index, number) in message.sourcePorts.enumerated() {
            if let port = FilterChainRule.port(number) {
                sourcePorts.append(port)
            } else {
                problems.add("must be between 1 and 65535", at: "source_ports[\(index)]")
            }
        }
        destinationRanges = problems.ranges(message.prefixRanges, "prefix_ranges")
        directSourceRanges = problems.ranges(message.directSourcePrefixRanges, "direct_source_prefix_ranges")
        sourceRanges = problems.ranges(message.sourcePrefixRanges, "source_prefix_ranges")
        for (index, name) in message.serverNames.enumerated() {
            if name.utf8.contains(UInt8(ascii: "*")), !name.hasPrefix("*.") {
                problems.add(
                    "\"\(name)\": a wildcard stands for whole leading labels only, as in \"*.example.com\"",
                    at: "server_names[\(index)]")
            }
            serverNames.append(String(decoding: name.utf8.map(asciiLowercased), as: UTF8.self))
        }
        transportProtocol = message.transportProtocol
        applicationProtocols = message.applicationProtocols
        switch message.sourceType {
        case .any: sourceType = .any
        case .sameIpOrLoopback: sourceType = .sameIPOrLoopback
        case .external: sourceType = .external
        case .UNRECOGNIZED(let number):
            problems.add("\(number) is not one of ANY, SAME_IP_OR_LOOPBACK, EXTERNAL", at: "source_type")
        }
        try problems.throwIfAny()
    }

    /// Whether a chain needs what only TLS inspection finds.
    public var needsTLSInspection: Bool {
        !serverNames.isEmpty || !applicationProtocols.isEmpty || transportProtocol == "tls"
    }

    private static func port(_ number: UInt32) -> UInt16? { number == 0 ? nil : UInt16(exactly: number) }
}

extension ProblemCollector {
    fileprivate mutating func ranges(_ messages: [Envoy_Config_Core_V3_CidrRange], _ field: String) -> [CIDRRange] {
        do throws(CompileFailure) {
            return try CIDRRange.list(messages, field: field)
        } catch {
            add(error)
            return []
        }
    }
}
