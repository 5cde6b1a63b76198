/// What share of the traffic each priority takes, in whole percent, and which priorities are in panic.
///
/// - health(P) = min(100, overprovisioning × healthy(P) / counted(P)); degraded likewise. Counted hosts are all but
///   the excluded ones; with weighted priority health, weights are summed instead of hosts.
/// - available = min(100, Σ health + Σ degraded).
/// - Healthy hosts of P0, P1 … take health(P) × 100 / available while any of the 100 % is left, then degraded hosts
///   in the same order. What rounding leaves goes to the first priority with healthy (else degraded) hosts.
/// - When available < 100, a priority whose healthy and degraded hosts are fewer than the panic threshold (percent of
///   counted hosts) is in panic: all its hosts are used. When all priorities are, load follows the host counts.
/// - With a panic threshold of 0 and nothing available, priority 0 takes everything (and has no host to give).
///
/// All divisions are of integers and round down, as in Envoy.
public struct PriorityLoad: Hashable, Sendable {
    /// Percent for the healthy hosts of each priority; with `degraded` they sum to 100.
    public private(set) var healthy: [UInt8]
    /// Percent for the degraded hosts of each priority.
    public private(set) var degraded: [UInt8]
    /// Priorities that use all their hosts whatever their health.
    public private(set) var isPanicking: [Bool]

    /// What the arithmetic needs to know about one priority.
    public struct Input: Sendable {
        public var totalHosts: Int
        public var countedHosts: Int
        public var healthyHosts: Int
        public var degradedHosts: Int
        /// Sums that availability is computed from: host counts, or weights with weighted priority health.
        public var healthyAmount: UInt64
        public var degradedAmount: UInt64
        public var countedAmount: UInt64

        /// Availability by host counts.
        public init(total: Int, excluded: Int = 0, healthy: Int, degraded: Int = 0) {
            totalHosts = total
            countedHosts = total - excluded
            healthyHosts = healthy
            degradedHosts = degraded
            healthyAmount = UInt64(healthy)
            degradedAmount = UInt64(degraded)
            countedAmount = UInt64(total - excluded)
        }
    }

    public init(_ inputs: [Input], overprovisioningPercent: UInt32 = 140, panicThresholdPercent: UInt32 = 50) {
        let factor = UInt64(overprovisioningPercent)
        let threshold = min(100, panicThresholdPercent)
        func availability(_ amount: UInt64, _ input: Input) -> UInt64 {
            input.countedAmount == 0 ? 0 : min(100, factor * amount / input.countedAmount)
        }
        let healthyAvailability = inputs.map { availability($0.healthyAmount, $0) }
        let degradedAvailability = inputs.map { availability($0.degradedAmount, $0) }
        let available = min(100, healthyAvailability.reduce(0, +) + degradedAvailability.reduce(0, +))

        healthy = Array(repeating: 0, count: inputs.count)
        degraded = healthy
        isPanicking = Array(repeating: false, count: inputs.count)
        if inputs.isEmpty { return }

        if available > 0 {
            var left: UInt64 = 100
            Self.distribute(healthyAvailability, of: available, left: &left, into: &healthy)
            Self.distribute(degradedAvailability, of: available, left: &left, into: &degraded)
            if let first = healthyAvailability.firstIndex(where: { $0 > 0 }) {
                healthy[first] += UInt8(left)
            } else if let first = degradedAvailability.firstIndex(where: { $0 > 0 }) {
                degraded[first] += UInt8(left)
            }
        } else if threshold == 0 {
            healthy[0] = 100
            return
        }
        guard available < 100 else { return }
        for (priority, input) in inputs.enumerated() {
            isPanicking[priority] = Self.isBelowThreshold(input, percent: threshold)
        }
        if isPanicking.allSatisfy({ $0 }) { spreadByHostCount(inputs) }
    }

    /// The priority and kind of hosts for a draw or hash: the draw modulo 100 falls into one of the shares.
    @inline(__always)
    func choose(_ draw: UInt64) -> (priority: Int, isDegraded: Bool) {
        // A cluster with one priority is the common case, and a division is dearer than this branch.
        if healthy.count == 1 && healthy[0] == 100 { return (0, false) }
        return chooseAmongMany(draw)
    }

    private func chooseAmongMany(_ draw: UInt64) -> (priority: Int, isDegraded: Bool) {
        let point = draw % 100
        var sum: UInt64 = 0
        for priority in healthy.indices {
            sum += UInt64(healthy[priority])
            if point < sum { return (priority, false) }
        }
        for priority in degraded.indices {
            sum += UInt64(degraded[priority])
            if point < sum { return (priority, true) }
        }
        return (0, false)
    }

    /// Whether fewer hosts than the threshold are usable; a priority without counted hosts always is.
    static func isBelowThreshold(_ input: Input, percent: UInt32) -> Bool {
        if input.countedHosts == 0 { return percent > 0 }
        let usable =
            100.0 * Double(input.healthyHosts) / Double(input.countedHosts)
            + 100.0 * Double(input.degradedHosts) / Double(input.countedHosts)
        return usable < Double(percent)
    }

    private static func distribute(
        _ availability: [UInt64], of total: UInt64, left: inout UInt64, into shares: inout [UInt8]
    ) {
        for priority in availability.indices {
            let share = min(left, availability[priority] * 100 / total)
            shares[priority] = UInt8(share)
            left -= share
        }
    }

    private mutating func spreadByHostCount(_ inputs: [Input]) {
        let total = inputs.reduce(0) { $0 + $1.totalHosts }
        degraded = Array(repeating: 0, count: inputs.count)
        guard total > 0, let first = inputs.firstIndex(where: { $0.totalHosts > 0 }) else {
            healthy = degraded
            healthy[0] = 100
            return
        }
        var left = 100
        for priority in inputs.indices {
            let share = 100 * inputs[priority].totalHosts / total
            healthy[priority] = UInt8(share)
            left -= share
        }
        healthy[first] += UInt8(left)
    }
}
