import CoreBytes

/// A Maglev table: a prime number of slots, each host filling the next free slot of its own permutation in turn.
///
/// Host keys are sorted first, so the table depends on the set of hosts and not on their order. Permutation of a key:
/// offset = xxHash64(key) mod size, skip = xxHash64(key, seed 1) mod (size − 1) + 1. A host takes a turn in round r when
/// r × its share has reached what it took before × the greatest share: the heaviest host takes every turn, one of half
/// the share every second. 2 bytes a slot up to 65,536 hosts.
///
/// Source: Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, section 3.4.
final class MaglevTable: HashTable, @unchecked Sendable {
    private let size: UInt64
    /// Position of the host in `hosts`, in one of two widths.
    private let narrow: [UInt16]
    private let wide: [UInt32]
    private let hosts: [HostIndex]

    init(
        _ shares: [HostShare], _ allHosts: [Host], _ settings: LoadBalancerSpec.Maglev, hostCount: Int,
        figures: inout TableFigures
    ) {
        size = settings.tableSize
        let sorted = shares.map { share in
            let key = HashTable.key(
                of: allHosts[Int(share.host)], usesHostname: settings.hashing.useHostnameForHashing)
            return (key: key, share: share)
        }.sorted { left, right in
            left.key == right.key
                ? left.share.host < right.share.host : left.key.utf8.lexicographicallyPrecedes(right.key.utf8)
        }
        hosts = sorted.map(\.share.host)
        let slots = sorted.isEmpty ? [] : Self.fill(sorted, size: Int(settings.tableSize), &figures)
        narrow = sorted.count <= 65_536 ? slots.map { UInt16(truncatingIfNeeded: $0) } : []
        wide = sorted.count <= 65_536 ? [] : slots
        super.init(shares, hostCount: hostCount)
    }

    private struct Filler {
        var next: UInt64
        let skip: UInt64
        let weight: Double
        var target = 0.0
        var count: UInt64 = 0
    }

    private static func fill(
        _ sorted: [(key: String, share: HostShare)], size: Int, _ figures: inout TableFigures
    ) -> [UInt32] {
        let size64 = UInt64(size)
        let greatest = sorted.lazy.map(\.share.weight).max() ?? 1
        var fillers = sorted.map { entry in
            Filler(
                next: XXHash64.hash(entry.key) % size64,
                skip: XXHash64.hash(entry.key, seed: 1) % (size64 - 1) + 1, weight: entry.share.weight)
        }
        let free = UInt32.max
        var slots = [UInt32](repeating: free, count: size)
        var filled = 0
        var round = 1.0
        while filled < size {
            var position = 0
            while position < fillers.count && filled < size {
                defer { position += 1 }
                if round * fillers[position].weight < fillers[position].target { continue }
                fillers[position].target += greatest
                var slot = fillers[position].next
                let skip = fillers[position].skip
                while slots[Int(slot)] != free { slot = (slot + skip) % size64 }
                slots[Int(slot)] = UInt32(position)
                fillers[position].next = (slot + skip) % size64
                fillers[position].count += 1
                filled += 1
            }
            round += 1
        }
        figures.minEntriesPerHost = fillers.lazy.map(\.count).min() ?? 0
        figures.maxEntriesPerHost = fillers.lazy.map(\.count).max() ?? 0
        return slots
    }

    override func choose(_ hash: UInt64, attempt: UInt32) -> HostIndex? {
        if hosts.isEmpty { return nil }
        var hash = hash
        // A changed high half of the hash makes another host likely; the constant is the one Envoy uses.
        if attempt > 0 { hash ^= ~0 &- UInt64(attempt) &+ 1 }
        let slot = Int(hash % size)
        return hosts[wide.isEmpty ? Int(narrow[slot]) : Int(wide[slot])]
    }
}
