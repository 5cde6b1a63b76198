// From a listener message to a compiled specification, with every mistake named by its path.

import ConfigAPI
import CoreConfig
import Glibc

/// Reads one `envoy.config.listener.v3.Listener`. Field rules were checked by the loader; what is checked here needs
/// more than one field, or the extensions of this program.
struct ListenerBuilder {
    private let message: Envoy_Config_Listener_V3_Listener
    private let path: String
    private let process: ProcessServices
    private(set) var problems: [ConfigProblem] = []

    /// A listener ready to bind.
    struct Plan {
        var sockets: [ListenSocketSpec]
        var bindsToPort: Bool
        var make: ([SocketAddress]) -> ListenerSpec
        var name: String
        var direction: Envoy_Config_Core_V3_TrafficDirection
        var drainsOnModifyOnly: Bool
        var connectionLimitKey: String
        var limits: ConnectionLimits
    }

    init(_ message: Envoy_Config_Listener_V3_Listener, path: String, process: ProcessServices) {
        self.message = message
        self.path = path
        self.process = process
    }

    mutating func build(id: Int) -> Plan? {
        let sockets = readSockets()
        let (chains, defaultChain, index) = readChains()
        let listenerFilters = readListenerFilters()
        let accessLogs = process.accessLogs.make(message.accessLog, path: "\(path).access_log", problems: &problems)
        guard !problems.hasErrors, let index, let first = sockets.first else { return nil }
        let isUnconditional = message.filterChains.allSatisfy { $0.filterChainMatch == .init() }
        let onlyChain = chains.count == 1 && isUnconditional ? 0 : nil

        let message = self.message
        let process = self.process
        let name = message.name.isEmpty ? first.address.description : message.name
        let limitKey = "envoy.resource_limits.listener.\(name).connection_limit"
        let limits = ConnectionLimits()
        let workerCount = process.workerCount
        var isBalanced = false
        if case .exactBalance? = message.connectionBalanceConfig.balanceType { isBalanced = true }
        let balancer = isBalanced ? ExactBalancer(workerCount: workerCount) : nil
        return Plan(
            sockets: sockets, bindsToPort: !message.hasBindToPort || message.bindToPort.value,
            make: { bound in
                // As configured: port 0 stays 0, whatever the kernel chose, so that names are known beforehand.
                let label = message.statPrefix.isEmpty ? first.address.description : message.statPrefix
                let prefix = "listener.\(label.map { $0 == ":" ? "_" : String($0) }.joined())."
                return ListenerSpec(
                    id: id, name: name, addresses: bound, statPrefix: prefix,
                    bufferLimitBytes: message.hasPerConnectionBufferLimitBytes
                        ? Int(message.perConnectionBufferLimitBytes.value) : 1 << 20,
                    acceptsPerEvent: message.hasMaxConnectionsToAcceptPerSocketEvent
                        ? Int(message.maxConnectionsToAcceptPerSocketEvent.value) : ListenerBuilder.acceptsPerTurn,
                    listenerFilters: listenerFilters,
                    listenerFiltersTimeoutMS: message.hasListenerFiltersTimeout
                        ? Int64(message.listenerFiltersTimeout.milliseconds) : 15_000,
                    continueOnListenerFiltersTimeout: message.continueOnListenerFiltersTimeout,
                    chains: chains, defaultChain: defaultChain, chainIndex: index, onlyChain: onlyChain,
                    accessLogs: accessLogs,
                    limits: limits, ignoresGlobalLimit: message.ignoreGlobalConnLimit || message.bypassOverloadManager,
                    balancer: balancer,
                    stats: process.stats.scope(prefix: prefix),
                    workerStats: (0..<workerCount).map { process.stats.scope(prefix: "\(prefix)worker_\($0).") })
            },
            name: name, direction: message.trafficDirection, drainsOnModifyOnly: message.drainType == .modifyOnly,
            connectionLimitKey: limitKey, limits: limits)
    }

    /// A turn accepts at most this many: enough for a burst, little enough that open connections are served.
    static let acceptsPerTurn = 64

    private mutating func fail(_ field: String, _ text: String, found: String? = nil, allowed: String? = nil) {
        problems.append(ConfigProblem(path: "\(path).\(field)", found: found, allowed: allowed, text: text))
    }

    // MARK: Sockets

    private mutating func readSockets() -> [ListenSocketSpec] {
        var specs: [ListenSocketSpec] = []
        if let spec = readSocket(message.address, "address") { specs.append(spec) }
        for (index, extra) in message.additionalAddresses.enumerated() {
            let field = "additional_addresses[\(index)]"
            guard var spec = readSocket(extra.address, "\(field).address") else { continue }
            if extra.hasTcpKeepalive { spec.keepalive = TCPKeepaliveSpec(extra.tcpKeepalive) }
            if extra.hasSocketOptions {
                readOptions(extra.socketOptions.socketOptions, "\(field).socket_options.socket_options", into: &spec)
            }
            specs.append(spec)
        }
        return specs
    }

    private mutating func readSocket(_ address: Envoy_Config_Core_V3_Address, _ field: String) -> ListenSocketSpec? {
        var spec: ListenSocketSpec
        switch address.address {
        case .socketAddress(let socket)?:
            guard let literal = SocketAddress(literal: socket.address, port: UInt16(clamping: socket.portValue)) else {
                fail(
                    "\(field).socket_address.address", "malformed IP address", found: "\"\(socket.address)\"",
                    allowed: "an IPv4 or IPv6 address")
                return nil
            }
            spec = ListenSocketSpec(address: literal)
            spec.ipv4Compatible = socket.ipv4Compat
        case .pipe(let pipe)?:
            if pipe.path.utf8.count > SocketAddress.maxUnixPathBytes {
                fail(
                    "\(field).pipe.path", "the path is too long for a Unix socket",
                    found: "\(pipe.path.utf8.count) bytes", allowed: "at most \(SocketAddress.maxUnixPathBytes)")
                return nil
            }
            spec = ListenSocketSpec(address: .unix(path: pipe.path))
            spec.pipeMode = pipe.mode
        case nil:
            fail(field, "an address is missing", allowed: "socket_address, pipe")
            return nil
        }
        if message.hasTcpBacklogSize { spec.backlog = Int32(clamping: message.tcpBacklogSize.value) }
        if message.hasEnableReusePort {
            spec.reusesPort = message.enableReusePort.value
        } else {
            spec.reusesPort = true
        }
        spec.isFreebind = message.freebind.value
        spec.isTransparent = message.transparent.value
        spec.fastOpenQueue =
            message.hasTcpFastOpenQueueLength ? Int32(clamping: message.tcpFastOpenQueueLength.value) : 0
        spec.usesMPTCP = message.enableMptcp
        if message.hasTcpKeepalive { spec.keepalive = TCPKeepaliveSpec(message.tcpKeepalive) }
        readOptions(message.socketOptions, "socket_options", into: &spec)
        return spec
    }

    private mutating func readOptions(
        _ messages: [Envoy_Config_Core_V3_SocketOption], _ field: String, into spec: inout ListenSocketSpec
    ) {
        var reader = SocketOptionReader(path: "\(path).\(field)")
        (spec.options, spec.listeningOptions) = reader.read(messages)
        problems += reader.problems
    }

    // MARK: Filter chains

    private mutating func readChains() -> ([FilterChainSpec], Int?, FilterChainIndex?) {
        var chains: [FilterChainSpec] = []
        var rules: [FilterChainRule] = []
        for (position, chain) in message.filterChains.enumerated() {
            let place = "filter_chains[\(position)]"
            if let spec = readChain(chain, place) { chains.append(spec) }
            do throws(CompileFailure) {
                rules.append(try FilterChainRule(chain.filterChainMatch))
            } catch {
                report(error.inside("\(place).filter_chain_match"))
            }
        }
        var defaultChain: Int?
        if message.hasDefaultFilterChain {
            if let spec = readChain(message.defaultFilterChain, "default_filter_chain") {
                defaultChain = chains.count
                chains.append(spec)
            }
        } else if message.filterChains.isEmpty {
            fail(
                "filter_chains", "no filter chain is given",
                allowed: "at least one of filter_chains, default_filter_chain")
        }
        guard rules.count == message.filterChains.count else { return (chains, defaultChain, nil) }
        do throws(CompileFailure) {
            let index = try FilterChainIndex(
                rules: rules, names: message.filterChains.map(\.name), hasDefault: defaultChain != nil)
            return (chains, defaultChain, index)
        } catch {
            report(error.inside("filter_chains"))
            return (chains, defaultChain, nil)
        }
    }

    private mutating func report(_ failure: CompileFailure) {
        for problem in failure.problems {
            problems.append(ConfigProblem(path: "\(path).\(problem.path)", text: problem.text))
        }
    }

    private mutating func readChain(_ chain: Envoy_Config_Listener_V3_FilterChain, _ place: String) -> FilterChainSpec?
    {
        var filters: [any NetworkFilterConfig] = []
        for (position, filter) in chain.filters.enumerated() {
            var context = FilterBuildContext(
                path: "\(path).\(place).filters[\(position)].typed_config", process: process)
            let config = process.extensions.buildNetworkFilter(filter.typedConfig, &context)
            problems += context.problems
            if let config { filters.append(config) }
        }
        guard filters.count == chain.filters.count, let terminal = filters.last else {
            if chain.filters.isEmpty { fail("\(place).filters", "a filter chain needs at least one filter") }
            return nil
        }
        return FilterChainSpec(name: chain.name, leading: Array(filters.dropLast()), terminal: terminal)
    }

    private mutating func readListenerFilters() -> [any ListenerFilterConfig] {
        var filters: [any ListenerFilterConfig] = []
        for (position, filter) in message.listenerFilters.enumerated() {
            var context = FilterBuildContext(
                path: "\(path).listener_filters[\(position)].typed_config", process: process)
            let config = process.extensions.buildListenerFilter(filter.typedConfig, &context)
            problems += context.problems
            if let config { filters.append(config) }
        }
        if message.useOriginalDst.value { filters.append(OriginalDestinationConfig()) }
        return filters
    }
}

extension TCPKeepaliveSpec {
    init(_ message: Envoy_Config_Core_V3_TcpKeepalive) {
        self.init(
            probes: message.hasKeepaliveProbes ? message.keepaliveProbes.value : nil,
            idleSeconds: message.hasKeepaliveTime ? message.keepaliveTime.value : nil,
            intervalSeconds: message.hasKeepaliveInterval ? message.keepaliveInterval.value : nil)
    }
}
