// Each address of each name is a host.

import CoreBytes

/// Resolves every configured name on its own schedule; the cluster's hosts are the addresses of all of them.
///
/// - A name that fails keeps the addresses it had; a name answered with nothing loses them.
/// - Ready when every name was answered or has failed once.
final class StrictDNSDiscovery: ClusterDiscovery {
    private final class Target {
        let endpoint: EndpointSpec
        let name: String
        let port: UInt16
        var refresh: DNSRefresh
        var addresses: [SocketAddress] = []
        var hasEnded = false
        var query: DNSQuery?
        var timer = TimerHandle.none

        init(_ endpoint: EndpointSpec, name: String, port: UInt16, refresh: DNSRefresh) {
            self.endpoint = endpoint
            self.name = name
            self.port = port
            self.refresh = refresh
        }
    }

    private let loop: EventLoop
    private let resolver: Resolver?
    private let spec: DNSDiscoverySpec
    private let localityWeights: [ClusterSnapshotBuilder.PriorityLocality: UInt32]
    private var targets: [Target] = []
    private var random = FastRandom()
    private var isStopped = false

    init(loop: EventLoop, resolver: Resolver?, spec: DNSDiscoverySpec, assignment: EndpointAssignment) {
        self.loop = loop
        self.resolver = resolver
        self.spec = spec
        localityWeights = assignment.localityWeights
        for endpoint in assignment.endpoints {
            switch endpoint.target {
            case .name(let name, let port):
                targets.append(Target(endpoint, name: name, port: port, refresh: DNSRefresh(spec)))
            case .address(let address):
                let name = address.addressWithoutPort
                targets.append(Target(endpoint, name: name, port: address.port, refresh: DNSRefresh(spec)))
            }
        }
    }

    override func start() {
        if targets.isEmpty { return cluster.finishFirstDiscovery() }
        for index in targets.indices { ask(index) }
    }

    override func stop() {
        isStopped = true
        for target in targets {
            target.query?.cancel()
            loop.cancel(&target.timer)
        }
    }

    override func onTimer(_ tag: Int) {
        targets[tag].timer = .none
        ask(tag)
    }

    private func ask(_ index: Int) {
        let target = targets[index]
        cluster.state.add(.updateAttempt)
        guard let resolver else { return onAnswer(index, .failed(.refused("no resolver"))) }
        target.query = resolver.resolve(target.name, family: spec.family) { [unowned self] response in
            onAnswer(index, response)
        }
    }

    private func onAnswer(_ index: Int, _ response: DNSResponse) {
        let target = targets[index]
        target.query = nil
        let waitMS: Int64
        switch response {
        case .completed(let answers):
            cluster.state.add(.updateSuccess)
            let before = target.addresses
            target.addresses = answers.map { $0.address.with(port: target.port) }
            // The same addresses in another order are the same hosts.
            if target.hasEnded, Set(before) == Set(target.addresses) {
                target.addresses = before
                cluster.state.add(.updateNoRebuild)
            } else if !rebuild() {
                cluster.state.add(.updateNoRebuild)
            }
            let ttl = answers.map(\.ttlSeconds).min() ?? 0
            waitMS = target.refresh.afterSuccess(ttlSeconds: ttl, random: &random)
        case .failed:
            cluster.state.add(.updateFailure)
            waitMS = target.refresh.afterFailure(random: &random)
        }
        target.hasEnded = true
        if !isStopped { target.timer = loop.schedule(afterMS: waitMS, target: self, tag: index) }
        if targets.allSatisfy(\.hasEnded) { cluster.finishFirstDiscovery() }
    }

    private func rebuild() -> Bool {
        var found: [DiscoveredHost] = []
        for target in targets {
            for address in target.addresses {
                found.append(
                    DiscoveredHost(
                        attributes: target.endpoint.attributes(at: address, clusterPort: cluster.alternatePort),
                        flags: target.endpoint.flags))
            }
        }
        return cluster.apply(found, localityWeights: localityWeights)
    }
}
