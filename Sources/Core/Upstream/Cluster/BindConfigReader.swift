// From a bind config message to connect settings.

import ConfigAPI
import CoreConfig
import Glibc

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
        var made: [SocketOptionSpec] = []
        for (index, message) in messages.enumerated() {
            // Options for datagram sockets do not concern connections.
            if message.hasType, message.type.hasDatagram, !message.type.hasStream { continue }
            guard let level = Int32(exactly: message.level), let name = Int32(exactly: message.name) else {
                fail("\(field)[\(index)]", "level and name are 32-bit numbers")
                continue
            }
            let value: SocketOptionSpec.Value
            switch message.value {
            case .intValue(let number)?:
                guard let small = Int32(exactly: number) else {
                    fail("\(field)[\(index)].int_value", "the value is a 32-bit number", found: "\(number)")
                    continue
                }
                value = .int(small)
            case .bufValue(let data)?: value = .bytes(Array(data))
            case nil:
                fail("\(field)[\(index)]", "a value is missing", allowed: "int_value, buf_value")
                continue
            }
            let moment: SocketOptionSpec.Moment
            switch message.state {
            case .statePrebind, .UNRECOGNIZED: moment = .beforeBind
            case .stateBound: moment = .afterBind
            // An upstream socket never listens.
            case .stateListening: continue
            }
            let family: Int32?
            switch message.ipVersion {
            case .ipv4: family = AF_INET
            case .ipv6: family = AF_INET6
            case .unspecified, .UNRECOGNIZED: family = nil
            }
            made.append(SocketOptionSpec(level: level, name: name, value: value, moment: moment, family: family))
        }
        return made
    }
}
