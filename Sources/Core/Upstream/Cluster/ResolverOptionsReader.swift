// From the messages that configure a resolver to its options.

package import ConfigAPI
package import CoreConfig
import SwiftProtobuf

/// Reads `typed_dns_resolver_config` (of the bootstrap, a cluster or a DnsCluster) and its deprecated forms.
package struct ResolverOptionsReader {
    private let path: String
    package private(set) var problems: [ConfigProblem] = []

    package init(path: String) { self.path = path }

    /// Nil, with a problem, when the extension is not the c-ares resolver.
    package mutating func read(
        _ message: Envoy_Config_Core_V3_TypedExtensionConfig, field: String
    ) -> ResolverOptions? {
        typealias Cares = Envoy_Extensions_Network_DnsResolver_Cares_V3_CaresDnsResolverConfig
        guard message.typedConfig.isA(Cares.self), let cares = try? Cares(unpackingAny: message.typedConfig) else {
            fail(
                "\(field).typed_config", "no such DNS resolver", found: message.typedConfig.typeURL,
                allowed: "type.googleapis.com/\(Cares.protoMessageName)")
            return nil
        }
        let inside = "\(field).typed_config"
        var options = ResolverOptions()
        options.servers = readServers(cares.resolvers, field: "\(inside).resolvers")
        options.serversAreFallback = cares.useResolversAsFallback
        options.filterUnroutableFamilies = cares.filterUnroutableFamilies
        apply(cares.dnsResolverOptions, to: &options)
        if cares.hasUdpMaxQueries { options.udpMaxQueries = cares.udpMaxQueries.value }
        if cares.hasQueryTimeoutSeconds {
            options.queryTimeoutSeconds = UInt32(clamping: cares.queryTimeoutSeconds.value)
        }
        if cares.hasQueryTries { options.queryTries = cares.queryTries.value }
        options.rotate = cares.rotateNameservers
        if cares.hasEdns0MaxPayloadSize { options.edns0MaxPayloadBytes = cares.edns0MaxPayloadSize.value }
        if cares.hasMaxUdpChannelDuration {
            options.maxUDPChannelDurationMS = cares.maxUdpChannelDuration.milliseconds
        }
        options.reinitOnTimeout = cares.reinitChannelOnTimeout
        return options
    }

    mutating func read(_ message: Envoy_Config_Core_V3_DnsResolutionConfig, field: String) -> ResolverOptions {
        var options = ResolverOptions()
        options.servers = readServers(message.resolvers, field: "\(field).resolvers")
        apply(message.dnsResolverOptions, to: &options)
        return options
    }

    mutating func readServers(_ messages: [Envoy_Config_Core_V3_Address], field: String) -> [SocketAddress] {
        var servers: [SocketAddress] = []
        for (index, message) in messages.enumerated() {
            let port = UInt16(clamping: message.socketAddress.portValue)
            if let server = SocketAddress(literal: message.socketAddress.address, port: port == 0 ? 53 : port) {
                servers.append(server)
            } else {
                fail(
                    "\(field)[\(index)].socket_address.address", "a name server is given by its IP address",
                    found: "\"\(message.socketAddress.address)\"", allowed: "an IPv4 or IPv6 address")
            }
        }
        return servers
    }

    private func apply(_ message: Envoy_Config_Core_V3_DnsResolverOptions, to options: inout ResolverOptions) {
        options.useTCP = message.useTcpForDnsLookups
        options.noDefaultSearchDomain = message.noDefaultSearchDomain
    }

    private mutating func fail(_ field: String, _ text: String, found: String? = nil, allowed: String? = nil) {
        let prefix = path.isEmpty ? "" : "\(path)."
        problems.append(ConfigProblem(path: "\(prefix)\(field)", found: found, allowed: allowed, text: text))
    }
}
