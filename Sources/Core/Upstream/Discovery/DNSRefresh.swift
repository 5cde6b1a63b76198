// When a name is asked for again: a value, without clock and sockets.

import CoreBytes

/// The refresh plan of one name.
struct DNSRefresh {
    private let spec: DNSDiscoverySpec
    private var nextFailureMS: Int64 = 0

    init(_ spec: DNSDiscoverySpec) { self.spec = spec }

    /// Milliseconds until the next question after an answer with this least TTL (0 = it has none).
    mutating func afterSuccess(ttlSeconds: UInt32, random: inout FastRandom) -> Int64 {
        nextFailureMS = 0
        let base = spec.respectsTTL && ttlSeconds > 0 ? Int64(ttlSeconds) * 1000 : spec.refreshMS
        return base + jitter(below: spec.jitterMS, &random)
    }

    /// Milliseconds until the next question after a failure: doubling from base to max, each time between half and
    /// all of it, so that many names that failed together do not come back together.
    mutating func afterFailure(random: inout FastRandom) -> Int64 {
        guard let rate = spec.failureRefresh else { return spec.refreshMS }
        let interval = nextFailureMS == 0 ? rate.baseMS : nextFailureMS
        nextFailureMS = min(rate.maxMS, interval > rate.maxMS / 2 ? rate.maxMS : interval * 2)
        let half = interval / 2
        return max(1, half + jitter(below: interval - half + 1, &random))
    }

    private func jitter(below bound: Int64, _ random: inout FastRandom) -> Int64 {
        bound <= 0 ? 0 : Int64(random.next() % UInt64(bound))
    }
}
