// When a host counts as passing or failing: a value, without sockets and clocks.

/// What one check ended in.
public enum CheckResult: Hashable, Sendable {
    case passed
    /// Connecting or talking failed: thresholds decide.
    case failedNetwork
    case timedOut
    /// The host itself said that it is not well: no threshold (HTTP status and the like).
    case failedActive
}

/// The thresholds of one host.
///
///     failing ──first result, or healthyThreshold passes──▶ passing
///     passing ──unhealthyThreshold failures, or one said by the host──▶ failing
///
/// - Source: Envoy, "Health checking": one success suffices on the first check.
public struct HealthCheckState: Hashable, Sendable {
    public enum Transition: Hashable, Sendable {
        case unchanged
        /// On the way: a threshold is not reached yet. Edge intervals apply.
        case pending
        case changed
    }

    /// What a result amounts to.
    public struct Verdict: Hashable, Sendable {
        public var isPassing: Bool
        public var transition: Transition
        public var isFirstCheck: Bool
        /// The failing state comes from a time-out.
        public var isTimeout: Bool
    }

    public private(set) var isPassing: Bool
    private var isFirst = true
    private var passes: UInt32 = 0
    private var failures: UInt32 = 0

    public init(isPassing: Bool) { self.isPassing = isPassing }

    public mutating func take(_ result: CheckResult, _ spec: HealthCheckSpec) -> Verdict {
        let wasFirst = isFirst
        isFirst = false
        var transition = Transition.unchanged
        if result == .passed {
            failures = 0
            if !isPassing {
                passes += 1
                if wasFirst || passes >= spec.healthyThreshold {
                    isPassing = true
                    passes = 0
                    transition = .changed
                } else {
                    transition = .pending
                }
            }
        } else {
            passes = 0
            if isPassing {
                failures += 1
                if result == .failedActive || failures >= spec.unhealthyThreshold {
                    isPassing = false
                    failures = 0
                    transition = .changed
                } else {
                    transition = .pending
                }
            }
        }
        return Verdict(
            isPassing: isPassing, transition: transition, isFirstCheck: wasFirst, isTimeout: result == .timedOut)
    }

    /// Milliseconds until the next check, without jitter.
    ///
    /// - Parameter wasUsed: whether the cluster has ever opened a connection.
    public static func intervalMS(
        after result: CheckResult, _ transition: Transition, wasUsed: Bool, _ spec: HealthCheckSpec
    ) -> Int64 {
        let passed = result == .passed
        if !wasUsed {
            return passed && transition != .pending ? spec.noTrafficHealthyIntervalMS : spec.noTrafficIntervalMS
        }
        if passed { return transition == .pending ? spec.healthyEdgeIntervalMS : spec.intervalMS }
        return transition == .pending ? spec.unhealthyEdgeIntervalMS : spec.unhealthyIntervalMS
    }
}
