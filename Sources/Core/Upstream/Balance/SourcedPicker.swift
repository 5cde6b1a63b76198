import CoreBytes

/// A list of hosts to rotate, sample or schedule over, with this worker's progress through it.
final class HostSource {
    var hosts: [HostIndex]
    /// Next position of the plain rotation.
    var next: Int
    /// Present while weights differ or a host starts slowly.
    var schedule: EDFScheduler?
    /// Whether `schedule` fits `hosts`; a new snapshot clears it.
    var isPrepared = false
    /// Until when some host may start slowly; then a schedule of equal weights is dropped.
    var slowStartEnds = Instant(nanoseconds: 0)

    init(hosts: [HostIndex], next: Int) {
        self.hosts = hosts
        self.next = next
    }
}

/// What round robin, least request and random share: choosing the list of hosts (priority, then availability or panic,
/// then locality) before choosing in it.
///
/// The common case — one priority, no panic, no locality — is recognised once per snapshot and costs one comparison.
class SourcedPicker: HostPicker {
    final var snapshot: ClusterSnapshot
    final let localityMode: LoadBalancerSpec.LocalityMode
    final let failsTrafficOnPanic: Bool
    private final var prioritySet: PrioritySet
    /// By source number; filled on first use.
    private final var sources: [HostSource?] = []
    /// First source number of each priority: all, healthy, degraded, then two per locality.
    private final var firstSource: [Int] = []
    /// By priority and availability (2 × priority + degraded), for locality weighting; filled on first use.
    private final var localitySchedules: [LocalitySchedule?] = []
    private final var zoneRoutes: ZoneRoutes?
    /// The only source there is, nil when choices differ.
    private final var onlySource: HostSource?

    init(_ snapshot: ClusterSnapshot, _ prioritySet: PrioritySet, _ spec: LoadBalancerSpec) {
        self.snapshot = snapshot
        self.prioritySet = prioritySet
        localityMode = spec.localityMode
        failsTrafficOnPanic = spec.failsTrafficOnPanic
        super.init()
        layOut()
    }

    override final func adopt(_ snapshot: ClusterSnapshot, _ prioritySet: PrioritySet) {
        self.snapshot = snapshot
        self.prioritySet = prioritySet
        let old = sources
        let oldFirst = firstSource
        layOut()
        // The rotation goes on where it was; schedules are rebuilt when next used.
        for priority in 0..<min(oldFirst.count, firstSource.count) {
            for kind in 0..<3 {
                if let source = old[oldFirst[priority] + kind] {
                    sources[firstSource[priority] + kind] = HostSource(
                        hosts: hosts(ofKind: kind, prioritySet.hostSets[priority]), next: source.next)
                }
            }
        }
    }

    override final func pick(
        _ context: LoadBalancerContext, attempt: UInt32, random: inout FastRandom
    ) -> HostChoice {
        if let source = onlySource, context.priorityLoad == nil {
            return HostChoice(pick(from: source, context, &random))
        }
        return pickFromMany(context, &random)
    }

    /// One host of a list that is not empty.
    func pick(prepared source: HostSource, _ now: Instant, _ random: inout FastRandom) -> HostIndex {
        preconditionFailure("Each policy has its own.")
    }

    /// Weight of a host at this moment for the schedule.
    func scheduleWeight(_ index: HostIndex, _ now: Instant) -> Double { Double(snapshot[index].weight) }

    /// The end of the last slow start among the hosts, or the beginning of time.
    func slowStartEnd(_ hosts: [HostIndex], _ now: Instant) -> Instant { Instant(nanoseconds: 0) }

    /// Whether the policy schedules by weight at all.
    var usesSchedule: Bool { true }

    // MARK: - Choosing the list

    @inline(__always)
    private final func pick(
        from source: HostSource, _ context: LoadBalancerContext, _ random: inout FastRandom
    ) -> HostIndex? {
        if source.hosts.isEmpty { return nil }
        if !source.isPrepared { prepare(source, context.now, &random) }
        return pick(prepared: source, context.now, &random)
    }

    @inline(never)
    private final func pickFromMany(_ context: LoadBalancerContext, _ random: inout FastRandom) -> HostChoice {
        if onlySource == nil && isSteady {
            let source = self.source(firstSource[0] + 1, priority: 0, &random)
            onlySource = source
            if context.priorityLoad == nil { return HostChoice(pick(from: source, context, &random)) }
        }
        let load = context.priorityLoad ?? prioritySet.load
        let (priority, isDegraded) = load.choose(random.next())
        let base = firstSource[priority]
        if prioritySet.load.isPanicking[priority] {
            if failsTrafficOnPanic { return HostChoice(nil, .healthyPanic) }
            return HostChoice(pick(from: source(base, priority: priority, &random), context, &random), .healthyPanic)
        }
        var outcome: ChoiceOutcome = []
        var number = base + (isDegraded ? 2 : 1)
        switch localityMode {
        case .none: break
        case .weighted:
            if let locality = weightedLocality(priority, isDegraded, &random) {
                number = base + 3 + 2 * locality + (isDegraded ? 1 : 0)
            }
        case .zoneAware(let zone):
            guard priority == 0, let routes = zoneRoutes, !routes.isOff else { break }
            if zone.routingEnabledPercent < 100 && random.next(below: 100) >= zone.routingEnabledPercent { break }
            if routes.isLocalPanicking {
                outcome.insert(.localClusterNotOK)
                if failsTrafficOnPanic { return HostChoice(nil, outcome) }
                break
            }
            let locality = routes.choose(&random, &outcome)
            number = base + 3 + 2 * locality + (isDegraded ? 1 : 0)
        }
        return HostChoice(pick(from: source(number, priority: priority, &random), context, &random), outcome)
    }

    /// Whether every choice falls on the healthy hosts of priority 0.
    private final var isSteady: Bool {
        guard case .none = localityMode else { return false }
        return prioritySet.load.healthy[0] == 100 && !prioritySet.load.isPanicking[0]
    }

    private final func weightedLocality(
        _ priority: Int, _ isDegraded: Bool, _ random: inout FastRandom
    ) -> Int? {
        let number = 2 * priority + (isDegraded ? 1 : 0)
        if let schedule = localitySchedules[number] { return schedule.pick() }
        let schedule = LocalitySchedule(prioritySet.hostSets[priority].localities, isDegraded, &random)
        localitySchedules[number] = schedule
        return schedule.pick()
    }

    // MARK: - Preparation, once per snapshot and list

    private final func layOut() {
        firstSource = []
        var count = 0
        for set in prioritySet.hostSets {
            firstSource.append(count)
            count += 3 + 2 * set.localities.count
        }
        sources = Array(repeating: nil, count: count)
        localitySchedules = localityMode == .weighted ? Array(repeating: nil, count: 2 * firstSource.count) : []
        zoneRoutes = prioritySet.zoneRoutes
        onlySource = nil
    }

    private final func source(_ number: Int, priority: Int, _ random: inout FastRandom) -> HostSource {
        if let source = sources[number] { return source }
        let set = prioritySet.hostSets[priority]
        let hosts = hosts(ofKind: number - firstSource[priority], set)
        let source = HostSource(hosts: hosts, next: hosts.isEmpty ? 0 : Int(random.next(below: UInt32(hosts.count))))
        sources[number] = source
        return source
    }

    private final func hosts(ofKind kind: Int, _ set: HostSet) -> [HostIndex] {
        switch kind {
        case 0: return set.all
        case 1: return set.healthy
        case 2: return set.degraded
        default:
            let group = set.localities[(kind - 3) / 2]
            return (kind - 3) % 2 == 0 ? group.healthy : group.degraded
        }
    }

    @inline(never)
    private final func prepare(_ source: HostSource, _ now: Instant, _ random: inout FastRandom) {
        source.isPrepared = true
        if source.next >= source.hosts.count { source.next = 0 }
        guard usesSchedule, source.hosts.count > 1 else { return }
        source.slowStartEnds = slowStartEnd(source.hosts, now)
        if source.slowStartEnds <= now && hasEqualWeights(source.hosts) { return }
        let weights = source.hosts.map { scheduleWeight($0, now) }
        source.schedule = EDFScheduler(weights: weights, phase: Double(random.next() >> 11) / 9_007_199_254_740_992)
    }

    private final func hasEqualWeights(_ hosts: [HostIndex]) -> Bool {
        if prioritySet.hasEqualWeights { return true }
        let first = snapshot[hosts[0]].weight
        return hosts.allSatisfy { snapshot[$0].weight == first }
    }

    /// Picks from the schedule when there is one, and drops a schedule that only slow start needed.
    @inline(__always)
    final func pickScheduled(_ source: HostSource, _ now: Instant) -> HostIndex? {
        guard source.schedule != nil else { return nil }
        let position = source.schedule!.pick()
        let index = source.hosts[Int(position)]
        source.schedule!.reschedule(weight: scheduleWeight(index, now))
        if source.slowStartEnds.nanoseconds > 0 && now > source.slowStartEnds {
            source.slowStartEnds = Instant(nanoseconds: 0)
            if hasEqualWeights(source.hosts) { source.schedule = nil }
        }
        return index
    }
}

/// Localities of one priority taking turns by effective weight.
final class LocalitySchedule {
    private var schedule: EDFScheduler?
    private var localities: [Int] = []
    private var weights: [Double] = []

    init(_ groups: [LocalityGroup], _ isDegraded: Bool, _ random: inout FastRandom) {
        for (number, group) in groups.enumerated() {
            let weight = isDegraded ? group.effectiveDegradedWeight : group.effectiveHealthyWeight
            if weight > 0 {
                localities.append(number)
                weights.append(weight)
            }
        }
        if localities.count > 1 {
            schedule = EDFScheduler(weights: weights, phase: Double(random.next() >> 11) / 9_007_199_254_740_992)
        }
    }

    /// Nil when no locality has a weight: then localities do not matter.
    func pick() -> Int? {
        if schedule == nil { return localities.first }
        let position = Int(schedule!.pick())
        schedule!.reschedule(weight: weights[position])
        return localities[position]
    }
}
