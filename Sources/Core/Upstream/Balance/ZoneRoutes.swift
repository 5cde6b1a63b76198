import CoreBytes

/// Zone-aware routing of priority 0: keep traffic in the own zone as far as its upstream capacity allows and spread the
/// rest over zones with spare capacity.
///
/// With local(z) the share of this proxy's cluster that runs in zone z and upstream(z) the share of healthy upstream
/// hosts there (in 1/10,000):
/// - off, when either side has fewer than two zones, the own zone has no member of the local cluster, or there are
///   fewer healthy hosts than `min_cluster_size`;
/// - all to the own zone, when upstream(own) ≥ local(own) > 0;
/// - else upstream(own) / local(own) of the traffic stays, the rest goes to the zones in proportion to
///   max(0, upstream(z) − local(z)).
///
/// Built on the main thread with the snapshot; immutable.
final class ZoneRoutes: Sendable {
    /// Whether zones do not matter for this snapshot.
    let isOff: Bool
    /// Why it is off, for `lb_zone_cluster_too_small` and `lb_local_cluster_not_ok`, raised once per build.
    let isTooSmall: Bool
    let isLocalClusterNotOK: Bool
    let isDirect: Bool
    /// Share of the traffic that stays, in 1/10,000.
    let localShare: UInt64
    /// Running sums of spare capacity by locality.
    let residual: [UInt64]
    /// Whether the local cluster is below the panic threshold.
    let isLocalPanicking: Bool

    /// - Parameter groups: upstream localities, the own one first when it has hosts.
    init(
        _ groups: [LocalityGroup], own: Locality?, _ localCluster: ClusterSnapshot, panicThresholdPercent: UInt32,
        settings: LoadBalancerSpec.ZoneAware
    ) {
        let set = localCluster.hostSets[0]
        var members: [Locality: Int] = [:]
        for index in set.all { members[localCluster[index].locality, default: 0] += 1 }
        var localHosts: [Locality: Int] = [:]
        for index in set.healthy { localHosts[localCluster[index].locality, default: 0] += 1 }
        let localTotal = set.healthy.count
        let healthy = groups.reduce(0) { $0 + $1.healthy.count }
        let ownMembers = own.flatMap { members[$0] } ?? 0
        let hasZones = groups.count >= 2 && members.count >= 2
        isLocalClusterNotOK = hasZones && ownMembers == 0
        isTooSmall = hasZones && ownMembers > 0 && UInt64(healthy) < settings.minClusterSize
        isOff = !hasZones || isLocalClusterNotOK || isTooSmall
        isLocalPanicking = PriorityLoad.isBelowThreshold(
            PriorityLoad.Input(
                total: set.all.count, excluded: set.excluded.count, healthy: set.healthy.count,
                degraded: set.degraded.count),
            percent: panicThresholdPercent)

        var sum: UInt64 = 0
        var sums: [UInt64] = []
        var stays: UInt64 = 0
        var direct = false
        if !isOff {
            for (number, group) in groups.enumerated() {
                let upstream = group.healthy.isEmpty ? 0 : UInt64(10_000 * group.healthy.count / max(1, healthy))
                let members = group.healthy.isEmpty ? 0 : localHosts[group.locality] ?? 0
                let local = UInt64(10_000 * members / max(1, localTotal))
                if number == 0 && group.locality == own {
                    direct = upstream > 0 && upstream >= local
                    stays = local > 0 ? upstream * 10_000 / local : 0
                } else if upstream > local {
                    sum += upstream - local
                }
                sums.append(sum)
            }
        }
        isDirect = direct
        localShare = stays
        residual = sums
    }

    /// The locality for one choice. Valid only while not ``isOff``.
    func choose(_ random: inout FastRandom, _ outcome: inout ChoiceOutcome) -> Int {
        if isDirect {
            outcome.insert(.zoneAllDirectly)
            return 0
        }
        if UInt64(random.next(below: 10_000)) < localShare {
            outcome.insert(.zoneSampled)
            return 0
        }
        outcome.insert(.zoneCrossZone)
        guard let total = residual.last, total > 0 else {
            outcome.insert(.zoneNoCapacityLeft)
            return Int(random.next(below: UInt32(residual.count)))
        }
        let point = UInt64(random.next(below: UInt32(total)))
        return residual.firstIndex { point < $0 } ?? 0
    }
}
