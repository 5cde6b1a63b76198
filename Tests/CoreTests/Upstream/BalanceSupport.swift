import CoreBytes
import Testing

@testable import Core

/// Small makers for the balancers' tests: hosts on 127.0.0.1 with successive ports, snapshots, many choices at once.
enum BalanceSupport {
    static func host(
        _ port: UInt16, weight: UInt32 = 1, priority: UInt32 = 0, locality: Locality = .unspecified,
        flags: HealthFlags = [], lb: [String: MetadataValue] = [:], hostname: String = "", slowStartNS: UInt64 = 0
    ) -> Host {
        var attributes = Host.Attributes(address: .v4(address: 0x7F00_0001, port: port))
        attributes.weight = weight
        attributes.priority = priority
        attributes.locality = locality
        attributes.hostname = hostname
        attributes.metadata = Metadata(lb: lb)
        return Host(attributes, health: HostHealth(flags: flags, slowStartNS: slowStartNS))
    }

    /// Hosts with these weights, on ports 9000, 9001 …
    static func hosts(weights: [UInt32]) -> [Host] {
        weights.enumerated().map { host(UInt16(9000 + $0.offset), weight: $0.element) }
    }

    static func snapshot(
        _ spec: LoadBalancerSpec, _ hosts: [Host],
        localityWeights: [ClusterSnapshotBuilder.PriorityLocality: UInt32] = [:]
    ) -> ClusterSnapshot {
        var builder = ClusterSnapshotBuilder(spec: spec)
        return builder.build(hosts: hosts, localityWeights: localityWeights)
    }

    /// How often each host index comes up in `count` choices; failures are counted under -1.
    static func counts(
        _ balancer: LoadBalancer, _ context: LoadBalancerContext, _ count: Int, _ random: inout FastRandom
    ) -> [Int: Int] {
        var counts: [Int: Int] = [:]
        for _ in 0..<count {
            let choice = balancer.choose(context, random: &random)
            counts[choice.index.map { Int($0) } ?? -1, default: 0] += 1
        }
        return counts
    }

    /// The same with nothing asked.
    static func counts(_ balancer: LoadBalancer, _ count: Int, _ random: inout FastRandom) -> [Int: Int] {
        counts(balancer, LoadBalancerContext(), count, &random)
    }

    /// Sum of (seen − expected)² / expected.
    static func chiSquare(_ counts: [Int: Int], expected: [Int: Double]) -> Double {
        #expect(Set(counts.keys).isSubset(of: expected.keys), "only the expected hosts may come up")
        return expected.reduce(0) { sum, entry in
            let seen = Double(counts[entry.key] ?? 0)
            return sum + (seen - entry.value) * (seen - entry.value) / entry.value
        }
    }

    static func ports(_ snapshot: ClusterSnapshot, _ list: [HostIndex]) -> [UInt16] {
        list.map { snapshot[$0].address.port }
    }
}
