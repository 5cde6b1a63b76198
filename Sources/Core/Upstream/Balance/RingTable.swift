import CoreBytes
import Glibc

/// A ketama ring: every host owns points at the hashes of `<key>_0`, `<key>_1` …; a request belongs to the first point
/// at or after its hash, wrapping around.
///
/// The number of points is scale = min(⌈least share × minimum size⌉ / least share, maximum size), so the host with the
/// least share owns a whole number of them; each host adds points until the running count reaches scale × the running
/// sum of shares, which spreads the fractions. 12 bytes a point.
final class RingTable: HashTable, @unchecked Sendable {
    private let points: [UInt64]
    private let owners: [HostIndex]

    init(
        _ shares: [HostShare], _ hosts: [Host], _ settings: LoadBalancerSpec.RingHash, hostCount: Int,
        figures: inout TableFigures
    ) {
        guard let least = shares.lazy.map(\.weight).min() else {
            points = []
            owners = []
            figures.ringSize = 0
            super.init(shares, hostCount: hostCount)
            return
        }
        let scale = min(
            (least * Double(settings.minimumRingSize)).rounded(.up) / least, Double(settings.maximumRingSize))
        let size = UInt64(scale.rounded(.up))
        var ring: [(point: UInt64, owner: HostIndex)] = []
        ring.reserveCapacity(Int(size))
        var count = 0.0
        var target = 0.0
        var fewest = size
        var most: UInt64 = 0
        var key: [UInt8] = []
        for share in shares {
            target += scale * share.weight
            key.removeAll(keepingCapacity: true)
            key.append(
                contentsOf: HashTable.key(
                    of: hosts[Int(share.host)], usesHostname: settings.hashing.useHostnameForHashing
                ).utf8)
            key.append(UInt8(ascii: "_"))
            let stem = key.count
            var number: UInt64 = 0
            while count < target {
                key.removeSubrange(stem...)
                DecimalFormat.append(number, to: &key)
                let point =
                    settings.hashFunction == .xxHash ? XXHash64.hash(key.span) : MurmurHash2.hash(key.span)
                ring.append((point, share.host))
                number += 1
                count += 1
            }
            fewest = min(fewest, number)
            most = max(most, number)
        }
        ring.sort { $0.point < $1.point }
        points = ring.map(\.point)
        owners = ring.map(\.owner)
        figures.ringSize = size
        figures.minEntriesPerHost = fewest
        figures.maxEntriesPerHost = most
        super.init(shares, hostCount: hostCount)
    }

    override func choose(_ hash: UInt64, attempt: UInt32) -> HostIndex? {
        let count = points.count
        if count == 0 { return nil }
        var low = 0
        var width = count
        // First point not below the hash.
        while width > 0 {
            let half = width / 2
            if points[low + half] < hash {
                low += half + 1
                width -= half + 1
            } else {
                width = half
            }
        }
        if low == count { low = 0 }
        if attempt > 0 { low = (low + Int(attempt)) % count }
        return owners[low]
    }
}
