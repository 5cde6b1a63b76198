// How fast a draining process lets go of its connections.

/// When draining began and how it goes; a pure value, copied to every worker.
struct DrainPlan: Sendable {
    enum Strategy: Sendable {
        /// The share of connections asked to close rises evenly from none to all over the drain time.
        case gradual
        case immediate
    }

    var start: Instant
    var durationMS: Int64
    var strategy: Strategy

    /// Whether one connection that is asked now should close. `draw` is a uniform random number.
    func saysClose(at now: Instant, draw: UInt64) -> Bool {
        guard strategy == .gradual, durationMS > 0 else { return true }
        let elapsed = now.milliseconds(since: start)
        return elapsed >= durationMS || draw % UInt64(durationMS) < UInt64(elapsed)
    }
}
