import Testing

@testable import Core

/// Thresholds and intervals as values.
@Suite struct HealthCheckStateTests {
    private var spec: HealthCheckSpec {
        var spec = HealthCheckSpec()
        spec.healthyThreshold = 2
        spec.unhealthyThreshold = 3
        spec.intervalMS = 1000
        spec.unhealthyIntervalMS = 2000
        spec.unhealthyEdgeIntervalMS = 3000
        spec.healthyEdgeIntervalMS = 4000
        spec.noTrafficIntervalMS = 60_000
        spec.noTrafficHealthyIntervalMS = 70_000
        return spec
    }

    /// Each letter a result (p pass, n network, t time-out, a active), each expected letter the state after it:
    /// + passing, - failing, and an apostrophe where the threshold is pending.
    @Test(arguments: [
        // The first success suffices, later ones need the threshold.
        (false, "p", ["+"]),
        (false, "npp", ["-", "-'", "+"]),
        (false, "npnpp", ["-", "-'", "-", "-'", "+"]),
        // A failing host that fails again changes nothing.
        (false, "nn", ["-", "-"]),
        // Three failures in a row, not in sum.
        (true, "pnnpnnn", ["+", "+'", "+'", "+", "+'", "+'", "-"]),
        (true, "pttt", ["+", "+'", "+'", "-"]),
        // What the host says itself needs no threshold.
        (true, "pa", ["+", "-"]),
        (true, "a", ["-"]),
    ])
    func results(_ startsPassing: Bool, _ results: String, _ expected: [String]) {
        var state = HealthCheckState(isPassing: startsPassing)
        let found = results.map { letter -> String in
            let result: CheckResult =
                switch letter {
                case "p": .passed
                case "t": .timedOut
                case "a": .failedActive
                default: .failedNetwork
                }
            let verdict = state.take(result, spec)
            #expect(verdict.isPassing == state.isPassing)
            return (verdict.isPassing ? "+" : "-") + (verdict.transition == .pending ? "'" : "")
        }
        #expect(found == expected)
    }

    @Test func onlyTheFirstResultIsTheFirstCheck() {
        var state = HealthCheckState(isPassing: false)
        #expect(state.take(.timedOut, spec).isFirstCheck)
        #expect(!state.take(.passed, spec).isFirstCheck)
        var other = HealthCheckState(isPassing: true)
        #expect(other.take(.timedOut, spec).isTimeout)
    }

    @Test(arguments: [
        (CheckResult.passed, HealthCheckState.Transition.unchanged, true, 1000),
        (.passed, .changed, true, 1000),
        (.passed, .pending, true, 4000),
        (.failedNetwork, .unchanged, true, 2000),
        (.failedNetwork, .changed, true, 2000),
        (.timedOut, .pending, true, 3000),
        (.passed, .unchanged, false, 70_000),
        (.passed, .pending, false, 60_000),
        (.failedNetwork, .changed, false, 60_000),
    ])
    func intervals(
        _ result: CheckResult, _ transition: HealthCheckState.Transition, _ wasUsed: Bool, _ expected: Int64
    ) {
        #expect(HealthCheckState.intervalMS(after: result, transition, wasUsed: wasUsed, spec) == expected)
    }
}
