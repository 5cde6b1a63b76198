/// A consistent-hash table of one host set: hash in, host index out. Built on the main thread, shared by all workers.
class HashTable: @unchecked Sendable {
    // Proof of Sendable: this class and its subclasses, all in this folder, hold only `let` values.

    /// Hosts with their share of the whole, as the table was built from.
    let shares: [HostShare]
    /// Share by host index; empty unless loads are bounded.
    let shareOfHost: [Double]

    /// - Parameter hostCount: hosts of the snapshot when loads are bounded, else 0.
    init(_ shares: [HostShare], hostCount: Int) {
        self.shares = shares
        var byHost = Array(repeating: 0.0, count: hostCount)
        if hostCount > 0 {
            for share in shares { byHost[Int(share.host)] = share.weight }
        }
        shareOfHost = byHost
    }

    /// The host for a hash; `attempt` > 0 asks for another one after a refused choice. Nil when the table is empty.
    func choose(_ hash: UInt64, attempt: UInt32) -> HostIndex? { nil }

    /// What a host is hashed by: the text under `hash_key` in its metadata, else its hostname if asked for, else its
    /// address.
    static func key(of host: Host, usesHostname: Bool) -> String {
        if let key = host.metadata.lbValue(Metadata.hashKey)?.string, !key.isEmpty { return key }
        return usesHostname ? host.hostname : host.address.description
    }
}

/// A host's part of the traffic of its host set; the parts sum to 1.
struct HostShare: Sendable {
    let host: HostIndex
    let weight: Double

    /// Shares by host weight alone, or by locality weight and then host weight. Localities of weight 0 get none; when
    /// all are 0, nobody does.
    static func make(_ set: HostSet, panicking: Bool, byLocality: Bool, _ hosts: [Host]) -> [HostShare] {
        guard byLocality else { return divide(1, over: panicking ? set.all : set.healthy, hosts) }
        let sum = set.localities.reduce(0) { $0 + UInt64($1.weight) }
        guard sum > 0 else { return [] }
        return set.localities.flatMap { group in
            group.weight == 0
                ? [] : divide(Double(group.weight) / Double(sum), over: panicking ? group.all : group.healthy, hosts)
        }
    }

    private static func divide(_ part: Double, over members: [HostIndex], _ hosts: [Host]) -> [HostShare] {
        let sum = members.reduce(0) { $0 + UInt64(hosts[Int($1)].weight) }
        return members.map {
            HostShare(host: $0, weight: Double(hosts[Int($0)].weight) * part / Double(sum))
        }
    }
}
