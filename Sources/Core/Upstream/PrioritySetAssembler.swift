/// Turns an ordered list of hosts into a ``PrioritySet``, for a whole cluster or for the members of a subset.
struct PrioritySetAssembler {
    let hosts: [Host]
    let states: [HostState]
    let localityWeights: [ClusterSnapshotBuilder.PriorityLocality: UInt32]
    let overprovisioningPercent: UInt32
    let hasWeightedPriorityHealth: Bool
    let localLocality: Locality?
    let localCluster: ClusterSnapshot?

    /// - Parameters:
    ///   - members: the indices that take part, in order; nil = all hosts.
    ///   - subset: the subset policy when this is one of its subsets.
    func assemble(
        _ spec: LoadBalancerSpec, members: [HostIndex]?, within subset: LoadBalancerSpec.Subset?,
        figures: inout TableFigures
    ) -> PrioritySet {
        let members = members ?? hosts.indices.map { HostIndex($0) }
        // A subset keeps the priorities of its cluster, some of them empty.
        let priorityCount = Int(hosts.last?.priority ?? 0) + 1
        var sets: [HostSet] = []
        sets.reserveCapacity(priorityCount)
        var start = 0
        for priority in 0..<priorityCount {
            var end = start
            while end < members.count && host(members[end]).priority == priority { end += 1 }
            let all = start == 0 && end == members.count ? members : Array(members[start..<end])
            sets.append(hostSet(priority, all, spec, subset))
            start = end
        }
        let load = PriorityLoad(
            sets.map(loadInput), overprovisioningPercent: overprovisioningPercent,
            panicThresholdPercent: spec.panicThresholdPercent)
        let first = members.first.map { host($0).weight } ?? 1
        return PrioritySet(
            hostSets: sets, load: load, tables: tables(sets, load, spec, subset, &figures),
            hasEqualWeights: members.allSatisfy { host($0).weight == first },
            zoneRoutes: zoneRoutes(sets[0], spec, &figures))
    }

    /// Whether locality weights count. Inside a subset they do only when its policy says so.
    private func usesLocalityWeights(_ spec: LoadBalancerSpec, _ subset: LoadBalancerSpec.Subset?) -> Bool {
        spec.localityMode == .weighted && subset?.isLocalityWeightAware != false
    }

    private func tables(
        _ sets: [HostSet], _ load: PriorityLoad, _ spec: LoadBalancerSpec, _ subset: LoadBalancerSpec.Subset?,
        _ figures: inout TableFigures
    ) -> [HashTable?] {
        func shares(_ set: HostSet) -> [HostShare] {
            HostShare.make(
                set, panicking: load.isPanicking[set.priority], byLocality: usesLocalityWeights(spec, subset), hosts)
        }
        switch spec.policy {
        case .ringHash(let settings):
            let hostCount = settings.hashing.balanceFactorPercent > 0 ? hosts.count : 0
            return sets.map { RingTable(shares($0), hosts, settings, hostCount: hostCount, figures: &figures) }
        case .maglev(let settings):
            let hostCount = settings.hashing.balanceFactorPercent > 0 ? hosts.count : 0
            return sets.map { MaglevTable(shares($0), hosts, settings, hostCount: hostCount, figures: &figures) }
        default:
            return []
        }
    }

    private func zoneRoutes(
        _ set: HostSet, _ spec: LoadBalancerSpec, _ figures: inout TableFigures
    ) -> ZoneRoutes? {
        guard case .zoneAware(let settings) = spec.localityMode, let localCluster else { return nil }
        let routes = ZoneRoutes(
            set.localities, own: localLocality, localCluster,
            panicThresholdPercent: spec.panicThresholdPercent, settings: settings)
        figures.isZoneClusterTooSmall = routes.isTooSmall
        figures.isLocalClusterNotOK = routes.isLocalClusterNotOK
        return routes
    }

    private func host(_ index: HostIndex) -> Host { hosts[Int(index)] }

    private func hostSet(
        _ priority: Int, _ all: [HostIndex], _ spec: LoadBalancerSpec, _ subset: LoadBalancerSpec.Subset?
    ) -> HostSet {
        let healthy = sharing(all) { states[Int($0)].availability == .healthy }
        return HostSet(
            priority: priority, all: all, healthy: healthy,
            degraded: sharing(all) { states[Int($0)].availability == .degraded },
            excluded: sharing(all) { states[Int($0)].isExcluded },
            localities: spec.needsLocalities ? localities(priority, all, spec, subset) : [])
    }

    /// The hosts that pass; the very array when all do.
    private func sharing(_ list: [HostIndex], where passes: (HostIndex) -> Bool) -> [HostIndex] {
        list.allSatisfy(passes) ? list : list.filter(passes)
    }

    private func localities(
        _ priority: Int, _ all: [HostIndex], _ spec: LoadBalancerSpec, _ subset: LoadBalancerSpec.Subset?
    ) -> [LocalityGroup] {
        var groups: [Locality: [HostIndex]] = [:]
        for index in all { groups[host(index).locality, default: []].append(index) }
        let order = groups.keys.sorted { left, right in
            if (left == localLocality) != (right == localLocality) { return left == localLocality }
            return left < right
        }
        return order.map { locality in
            let members = groups[locality] ?? []
            let healthy = sharing(members) { states[Int($0)].availability == .healthy }
            let degraded = sharing(members) { states[Int($0)].availability == .degraded }
            let counted = members.count { !states[Int($0)].isExcluded }
            var weight: UInt32 = 0
            if usesLocalityWeights(spec, subset) || spec.localityMode != .weighted {
                weight = localityWeights[.init(priority: UInt32(priority), locality: locality)] ?? 0
            }
            if subset?.scalesLocalityWeight == true && weight > 0 {
                let total = hosts.count { $0.priority == priority && $0.locality == locality }
                weight = UInt32((Float(UInt64(weight) * UInt64(members.count)) / Float(total)).rounded())
            }
            func effective(_ eligible: Int) -> Double {
                guard counted > 0 else { return 0 }
                let ratio = Double(overprovisioningPercent) / 100 * Double(eligible) / Double(counted)
                return Double(weight) * min(1, ratio)
            }
            return LocalityGroup(
                locality: locality, weight: weight, all: members, healthy: healthy, degraded: degraded,
                effectiveHealthyWeight: effective(healthy.count), effectiveDegradedWeight: effective(degraded.count))
        }
    }

    private func loadInput(_ set: HostSet) -> PriorityLoad.Input {
        var input = PriorityLoad.Input(
            total: set.all.count, excluded: set.excluded.count, healthy: set.healthy.count,
            degraded: set.degraded.count)
        if hasWeightedPriorityHealth {
            func sum(_ list: [HostIndex]) -> UInt64 { list.reduce(0) { $0 + UInt64(host($1).weight) } }
            input.healthyAmount = sum(set.healthy)
            input.degradedAmount = sum(set.degraded)
            input.countedAmount = sum(set.all) - sum(set.excluded)
        }
        return input
    }
}
