import CoreBytes

/// Ring hash and Maglev: the request's hash chooses the priority and, in that priority's table, the host. A request
/// without a hash gets a random one.
///
/// With a balance factor f, a host may hold at most ⌈(all active + 1) × f / 100 × its share⌉ active requests (at least
/// one). When the chosen host holds more, the others are looked at in an order shuffled by the hash, and the first with
/// room is taken; when none has, the one with the least overload. The shuffle is MT19937 seeded by the hash, so all
/// proxies of a fleet look in the same order.
final class HashPicker: HostPicker {
    private var prioritySet: PrioritySet
    private let factorPercent: UInt64
    private let loads: HostLoads
    /// For the shuffle; made when a host is first found overloaded.
    private var shuffle: MersenneTwister?
    private var order: [UInt32] = []

    init(
        _ snapshot: ClusterSnapshot, _ prioritySet: PrioritySet, _ settings: LoadBalancerSpec.ConsistentHashing,
        _ loads: HostLoads
    ) {
        self.prioritySet = prioritySet
        factorPercent = UInt64(settings.balanceFactorPercent)
        self.loads = loads
    }

    override func adopt(_ snapshot: ClusterSnapshot, _ prioritySet: PrioritySet) { self.prioritySet = prioritySet }

    override func pick(
        _ context: LoadBalancerContext, attempt: UInt32, random: inout FastRandom
    ) -> HostChoice {
        let hash = context.hash ?? random.next()
        let (priority, _) = prioritySet.load.choose(hash)
        let outcome: ChoiceOutcome = prioritySet.load.isPanicking[priority] ? .healthyPanic : []
        guard let table = prioritySet.tables[priority], let host = table.choose(hash, attempt: attempt) else {
            return HostChoice(nil, outcome)
        }
        if factorPercent == 0 { return HostChoice(host, outcome) }
        return HostChoice(bounded(host, hash, table), outcome)
    }

    private func bounded(_ host: HostIndex, _ hash: UInt64, _ table: HashTable) -> HostIndex {
        let slots = (UInt64(loads.totalActive) + 1) * factorPercent
        let total = Double((slots + 99) / 100)
        let overload = self.overload(host, table.shareOfHost[Int(host)], total)
        if overload <= 1 { return host }
        return withRoom(insteadOf: host, overload, hash, table, total)
    }

    private func overload(_ host: HostIndex, _ share: Double, _ total: Double) -> Double {
        Double(loads.active(of: host)) / max(1, (total * share).rounded(.up))
    }

    @inline(never)
    private func withRoom(
        insteadOf host: HostIndex, _ overload: Double, _ hash: UInt64, _ table: HashTable, _ total: Double
    ) -> HostIndex {
        let count = table.shares.count
        if order.count != count { order = Array(repeating: 0, count: count) }
        for position in 0..<count { order[position] = UInt32(position) }
        let seed = UInt32(truncatingIfNeeded: hash)
        if shuffle == nil { shuffle = MersenneTwister(seed: seed) } else { shuffle!.reseed(seed) }
        var best = host
        var least = overload
        for position in 0..<count {
            order.swapAt(position, position + Int(uniform(below: UInt32(count - position))))
            let share = table.shares[Int(order[position])]
            if share.host == host { continue }
            let overload = self.overload(share.host, share.weight, total)
            if overload <= 1 { return share.host }
            if overload < least {
                best = share.host
                least = overload
            }
        }
        return best
    }

    /// Even in 0 ..< bound: the range of the generator is cut in equal pieces and what is left over is drawn again.
    private func uniform(below bound: UInt32) -> UInt32 {
        let piece = (UInt64(UInt32.max) + 1) / UInt64(bound)
        while true {
            let value = UInt64(shuffle!.next()) / piece
            if value < UInt64(bound) { return UInt32(value) }
        }
    }
}
