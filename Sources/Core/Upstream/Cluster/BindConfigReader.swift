// From a bind config message to connect settings.

import ConfigAPI
import CoreConfig

/// Reads `upstream_bind_config`, of a cluster or of the cluster manager.
struct BindConfigReader {
    private let path: String
    private(set) var problems: [ConfigProblem] = []

    init(path: String) { self.path = path }

    mutating func read(_ bind: Envoy_Config_Core_V3_BindConfig, into settings: inout ConnectSettings) {
        settings.isFreebind = bind.freebind.value
        settings.options = options(bind.socketOptions, "socket_options")
        if bind.hasSourceAddress, let address = source(bind.sourceAddress, "source_address") {
            settings.sources.append(.init(address: address, options: settings.options))
        }
        if !bind.extraSourceAddresses.isEmpty, !bind.hasSourceAddress {
            fail("extra_source_addresses", "extra addresses need a source_address")
        }
        for (index, extra) in bind.extraSourceAddresses.enumerated() {
            let field = "extra_source_addresses[\(index)]"
            guard let address = source(extra.address, "\(field).address") else { continue }
            let own =
                extra.hasSocketOptions
                ? options(extra.socketOptions.socketOptions, "\(field).socket_options.socket_options")
                : settings.options
            if settings.sources.contains(where: { $0.address.family == address.family }) {
                fail(field, "a second source address of one family", found: address.addressWithoutPort)
            }
            settings.sources.append(.init(address: address, options: own))
        }
    }

    private mutating func fail(_ field: String, _ text: String, found: String? = nil, allowed: String? = nil) {
        problems.append(ConfigProblem(path: "\(path).\(field)", found: found, allowed: allowed, text: text))
    }

    private mutating func source(_ message: Envoy_Config_Core_V3_SocketAddress, _ field: String) -> SocketAddress? {
        if let address = SocketAddress(literal: message.address, port: UInt16(clamping: message.portValue)) {
            return address
        }
        fail(
            "\(field).address", "malformed IP address", found: "\"\(message.address)\"",
            allowed: "an IPv4 or IPv6 address")
        return nil
    }

    private mutating func options(_ messages: [Envoy_Config_Core_V3_SocketOption], _ field: String)
        -> [SocketOptionSpec]
    {
        var reader = SocketOptionReader(path: "\(path).\(field)")
        // An upstream socket never listens, so options for one that does are left out.
        let made = reader.read(messages).bound
        problems += reader.problems
        return made
    }
}
