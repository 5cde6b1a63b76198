import CoreBytes
import Testing

@testable import Core

@Suite struct AccessLogFilterTests {
    private func passes(
        _ filter: AccessLogFilter, _ type: AccessLogType = .tcpConnectionEnd, runtime: AccessLogRuntime = .none,
        seed: UInt64 = 1, _ change: (inout StreamInfo) -> Void = { _ in }
    ) -> Bool {
        var info = AccessLogFormatTests.makeInfo()
        change(&info)
        var random = FastRandom(seed: seed)
        return filter.passes(info, type, now: Instant(nanoseconds: 9_000_000_000), runtime: runtime, random: &random)
    }

    @Test func durationComparesMilliseconds() {
        #expect(passes(.durationMS(.init(.atLeast, 151))))
        #expect(!passes(.durationMS(.init(.atLeast, 152))))
        #expect(passes(.durationMS(.init(.equal, 151))))
        #expect(passes(.durationMS(.init(.atMost, 151))))
        #expect(!passes(.durationMS(.init(.notEqual, 151))))
        // Still open: up to now.
        #expect(passes(.durationMS(.init(.equal, 4_000))) { $0.endTime = nil })
    }

    @Test func runtimeReplacesTheBound() {
        let runtime = AccessLogRuntime(fraction: { _ in nil }, number: { $0 == "bound" ? 1_000 : nil })
        #expect(!passes(.durationMS(.init(.atLeast, 1, runtimeKey: "bound")), runtime: runtime))
        #expect(passes(.durationMS(.init(.atLeast, 1, runtimeKey: "other")), runtime: runtime))
    }

    @Test func statusCodeIsZeroForTCP() {
        #expect(passes(.statusCode(.init(.equal, 0))))
        #expect(!passes(.statusCode(.init(.atLeast, 400))))
    }

    @Test func flagsAnyOrNamed() {
        #expect(!passes(.responseFlag([])))
        #expect(passes(.responseFlag([])) { $0.responseFlags = .noClusterFound })
        #expect(passes(.responseFlag([.upstreamOverflow, .noClusterFound])) { $0.responseFlags = .noClusterFound })
        #expect(!passes(.responseFlag(.upstreamOverflow)) { $0.responseFlags = .noClusterFound })
    }

    @Test func logTypes() {
        #expect(passes(.logType([.tcpConnectionEnd], excludes: false)))
        #expect(!passes(.logType([.tcpConnectionEnd], excludes: true)))
        #expect(!passes(.logType([.tcpPeriodic], excludes: false)))
    }

    @Test func allAndAny() {
        let yes = AccessLogFilter.statusCode(.init(.equal, 0))
        let no = AccessLogFilter.statusCode(.init(.equal, 1))
        #expect(passes(.all([yes, yes])))
        #expect(!passes(.all([yes, no])))
        #expect(passes(.any([no, yes])))
        #expect(!passes(.any([no, no])))
    }

    @Test func runtimeShareIsKept() {
        let filter = AccessLogFilter.runtime(key: "k", share: FractionalPercent(25))
        var random = FastRandom(seed: 7)
        let info = AccessLogFormatTests.makeInfo()
        var taken = 0
        for _ in 0..<10_000
        where filter.passes(info, .notSet, now: .never, runtime: .none, random: &random) { taken += 1 }
        #expect((2_300...2_700).contains(taken))
        let always = AccessLogRuntime(fraction: { _ in .always }, number: { _ in nil })
        #expect(passes(filter, runtime: always))
    }

    @Test func metadataWithAndWithoutTheKey() {
        let matcher = MetadataMatcher(filter: "ns", path: ["a"], value: .string(StringMatcher(.exact("x"))))
        func filter(_ passesWithoutKey: Bool) -> AccessLogFilter {
            .metadata(matcher, filter: "ns", path: ["a"], passesWithoutKey: passesWithoutKey)
        }
        #expect(passes(filter(true)))
        #expect(!passes(filter(false)))
        #expect(passes(filter(false)) { $0.details.dynamicMetadata.set("ns", key: "a", to: .string("x")) })
        #expect(!passes(filter(true)) { $0.details.dynamicMetadata.set("ns", key: "a", to: .string("y")) })
    }

    @Test func flagNames() {
        #expect(ResponseFlags(shortName: "URX") == .upstreamRetryLimitExceeded)
        #expect(ResponseFlags(shortName: "UDO") == .unconditionalDropOverload)
        #expect(ResponseFlags(shortName: "urx") == nil)
        let flags: ResponseFlags = [.upstreamConnectionFailure, .noRouteFound, .failedLocalHealthCheck]
        #expect(flags.shortText == "LH,UF,NR")
        #expect(flags.longText == "FailedLocalHealthCheck,UpstreamConnectionFailure,NoRouteFound")
    }
}
