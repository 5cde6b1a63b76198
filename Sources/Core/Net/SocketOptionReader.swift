// From `socket_options` messages to values.

import ConfigAPI
import CoreConfig
import Glibc

/// Reads the list of one listener or bind configuration; problems are named by the path of the list.
struct SocketOptionReader {
    private let path: String
    private(set) var problems: [ConfigProblem] = []

    init(path: String) { self.path = path }

    /// The options for before and after bind, and those for a listening socket, which one that connects never is.
    mutating func read(
        _ messages: [Envoy_Config_Core_V3_SocketOption]
    ) -> (bound: [SocketOptionSpec], listening: [SocketOptionSpec]) {
        var (bound, listening): ([SocketOptionSpec], [SocketOptionSpec]) = ([], [])
        for (index, message) in messages.enumerated() {
            guard let (option, isForListening) = readOne(message, index) else { continue }
            if isForListening { listening.append(option) } else { bound.append(option) }
        }
        return (bound, listening)
    }

    private mutating func readOne(
        _ message: Envoy_Config_Core_V3_SocketOption, _ index: Int
    ) -> (SocketOptionSpec, isForListening: Bool)? {
        // Options for datagram sockets do not concern connections.
        if message.hasType, message.type.hasDatagram, !message.type.hasStream { return nil }
        guard let level = Int32(exactly: message.level), let name = Int32(exactly: message.name) else {
            fail(index, "", "level and name are 32-bit numbers")
            return nil
        }
        let value: SocketOptionSpec.Value
        switch message.value {
        case .intValue(let number)?:
            guard let small = Int32(exactly: number) else {
                fail(index, ".int_value", "the value is a 32-bit number", found: "\(number)")
                return nil
            }
            value = .int(small)
        case .bufValue(let data)?: value = .bytes(Array(data))
        case nil:
            fail(index, "", "a value is missing", allowed: "int_value, buf_value")
            return nil
        }
        let family: Int32? =
            switch message.ipVersion {
            case .ipv4: AF_INET
            case .ipv6: AF_INET6
            case .unspecified, .UNRECOGNIZED: nil
            }
        let option = SocketOptionSpec(
            level: level, name: name, value: value, moment: message.state == .stateBound ? .afterBind : .beforeBind,
            family: family)
        return (option, message.state == .stateListening)
    }

    private mutating func fail(
        _ index: Int, _ field: String, _ text: String, found: String? = nil, allowed: String? = nil
    ) {
        problems.append(ConfigProblem(path: "\(path)[\(index)]\(field)", found: found, allowed: allowed, text: text))
    }
}
