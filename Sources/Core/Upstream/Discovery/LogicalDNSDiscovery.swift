// One host, whose address is the first one of the answer.

import CoreBytes

/// For large services behind DNS: new connections go to the newest first address, old ones stay where they are.
///
/// - Failures and empty answers keep the address; both count as `update_failure`.
final class LogicalDNSDiscovery: ClusterDiscovery {
    private let loop: EventLoop
    private let resolver: Resolver?
    private let spec: DNSDiscoverySpec
    private let endpoint: EndpointSpec?
    private let localityWeights: [ClusterSnapshotBuilder.PriorityLocality: UInt32]
    private var refresh: DNSRefresh
    private var random = FastRandom()
    private var current: SocketAddress?
    private var query: DNSQuery?
    private var timer = TimerHandle.none
    private var isStopped = false

    init(loop: EventLoop, resolver: Resolver?, spec: DNSDiscoverySpec, assignment: EndpointAssignment) {
        self.loop = loop
        self.resolver = resolver
        self.spec = spec
        endpoint = assignment.endpoints.first
        localityWeights = assignment.localityWeights
        refresh = DNSRefresh(spec)
    }

    override func start() {
        guard endpoint != nil else { return cluster.finishFirstDiscovery() }
        ask()
    }

    override func stop() {
        isStopped = true
        query?.cancel()
        loop.cancel(&timer)
    }

    override func onTimer(_ tag: Int) {
        timer = .none
        ask()
    }

    private func ask() {
        guard let endpoint else { return }
        cluster.state.add(.updateAttempt)
        let name: String
        switch endpoint.target {
        case .name(let text, _): name = text
        case .address(let address): name = address.addressWithoutPort
        }
        guard let resolver else { return onAnswer(.failed(.refused("no resolver"))) }
        query = resolver.resolve(name, family: spec.family) { [unowned self] response in onAnswer(response) }
    }

    private func onAnswer(_ response: DNSResponse) {
        query = nil
        let waitMS: Int64
        if let first = response.addresses.first {
            cluster.state.add(.updateSuccess)
            adopt(first.address)
            waitMS = refresh.afterSuccess(ttlSeconds: first.ttlSeconds, random: &random)
        } else {
            cluster.state.add(.updateFailure)
            waitMS = refresh.afterFailure(random: &random)
        }
        if !isStopped { timer = loop.schedule(afterMS: waitMS, target: self) }
        cluster.finishFirstDiscovery()
    }

    private func adopt(_ found: SocketAddress) {
        guard let endpoint else { return }
        let port: UInt16
        switch endpoint.target {
        case .name(_, let configured): port = configured
        case .address(let address): port = address.port
        }
        let address = found.with(port: port)
        if address == current {
            cluster.state.add(.updateNoRebuild)
            return
        }
        let host = DiscoveredHost(
            attributes: endpoint.attributes(at: address, clusterPort: cluster.alternatePort), flags: endpoint.flags)
        if current == nil {
            cluster.apply([host], localityWeights: localityWeights)
        } else {
            cluster.replaceLogical(with: host)
        }
        current = address
    }
}
