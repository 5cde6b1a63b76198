import CoreBytes
import Testing

@testable import Core

@Suite struct DNSRefreshTests {
    @Test func successWaitsForTheRateOrTheTimeToLive() {
        var random = FastRandom(seed: 1)
        var spec = DNSDiscoverySpec()
        var plain = DNSRefresh(spec)
        #expect(plain.afterSuccess(ttlSeconds: 60, random: &random) == 5000)
        spec.respectsTTL = true
        var ttl = DNSRefresh(spec)
        #expect(ttl.afterSuccess(ttlSeconds: 60, random: &random) == 60_000)
        #expect(ttl.afterSuccess(ttlSeconds: 0, random: &random) == 5000)
    }

    @Test func jitterIsAddedWithinItsBound() {
        var random = FastRandom(seed: 1)
        var spec = DNSDiscoverySpec()
        spec.jitterMS = 100
        var refresh = DNSRefresh(spec)
        let waits = (0..<500).map { _ in refresh.afterSuccess(ttlSeconds: 0, random: &random) }
        #expect(waits.allSatisfy { (5000..<5100).contains($0) })
        #expect(Set(waits).count > 20)
    }

    @Test func failuresBackOffAndSuccessResets() {
        var random = FastRandom(seed: 1)
        var spec = DNSDiscoverySpec()
        var fixed = DNSRefresh(spec)
        #expect(fixed.afterFailure(random: &random) == 5000)
        spec.failureRefresh = .init(baseMS: 100, maxMS: 1000)
        var refresh = DNSRefresh(spec)
        for bound: Int64 in [100, 200, 400, 800, 1000, 1000] {
            let wait = refresh.afterFailure(random: &random)
            #expect(wait >= bound / 2 && wait <= bound, "\(wait) not within \(bound)")
        }
        _ = refresh.afterSuccess(ttlSeconds: 0, random: &random)
        #expect(refresh.afterFailure(random: &random) <= 100)
    }
}
