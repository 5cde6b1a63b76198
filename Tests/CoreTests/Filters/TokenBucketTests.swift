import ConfigAPI
import SwiftProtobuf
import Testing

@testable import Core

@Suite struct TokenBucketTests {
    func at(_ milliseconds: UInt64) -> Instant { Instant(nanoseconds: 5_000_000_000 + milliseconds * 1_000_000) }

    /// A bucket with identity: `#expect` takes no mutating calls.
    final class Taker {
        private var bucket: TokenBucket

        init(_ rate: TokenBucketRate, now: Instant) { bucket = TokenBucket(rate, now: now) }

        func take(_ count: UInt32 = 1, now: Instant) -> Bool { bucket.take(count, now: now) }
    }

    @Test func startsFullAndEmpties() {
        let bucket = Taker(TokenBucketRate(maxTokens: 3, fillIntervalMS: 1000), now: at(0))
        #expect((0..<5).map { _ in bucket.take(now: at(0)) } == [true, true, true, false, false])
    }

    @Test func tokensComeOneByOneOverTheInterval() {
        // 10 per 2 s: one every 200 ms, as measured with Envoy 1.40.
        let bucket = Taker(TokenBucketRate(maxTokens: 1, tokensPerFill: 10, fillIntervalMS: 2000), now: at(0))
        #expect(bucket.take(now: at(0)))
        #expect(!bucket.take(now: at(199)))
        #expect(bucket.take(now: at(200)))
        // Time beyond what the bucket holds is lost.
        #expect(bucket.take(now: at(5000)))
        #expect(!bucket.take(now: at(5100)))
        #expect(bucket.take(now: at(5200)))
    }

    @Test func refillStopsAtTheMaximum() {
        let bucket = Taker(TokenBucketRate(maxTokens: 4, tokensPerFill: 4, fillIntervalMS: 100), now: at(0))
        let taken = (0..<10).count { _ in bucket.take(now: at(60_000)) }
        #expect(taken == 4)
    }

    @Test func severalTokensAreTakenAllOrNone() {
        let bucket = Taker(TokenBucketRate(maxTokens: 5, fillIntervalMS: 1000), now: at(0))
        #expect(bucket.take(3, now: at(0)))
        #expect(!bucket.take(3, now: at(0)))
        #expect(bucket.take(2, now: at(0)))
        #expect(!bucket.take(6, now: at(600_000)))
    }

    @Test func clockGoingBackGivesNothing() {
        let bucket = Taker(TokenBucketRate(maxTokens: 1, fillIntervalMS: 100), now: at(1000))
        #expect(bucket.take(now: at(1000)))
        #expect(!bucket.take(now: at(500)))
        #expect(bucket.take(now: at(1100)))
    }

    @Test func longRunKeepsTheRate() {
        let bucket = Taker(TokenBucketRate(maxTokens: 10, tokensPerFill: 7, fillIntervalMS: 1000), now: at(0))
        let taken = (0..<100_000).count { bucket.take(now: at(UInt64($0))) }
        // 10 at the start, then 7 a second for 100 s; rounding may cost one.
        #expect((709...710).contains(taken))
    }

    @Test func workersShareOneBucket() async {
        let bucket = SharedTokenBucket(TokenBucketRate(maxTokens: 1000, fillIntervalMS: 3_600_000), now: at(0))
        let now = at(0)
        let taken = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 { group.addTask { (0..<500).count { _ in bucket.take(now: now) } } }
            return await group.reduce(0, +)
        }
        #expect(taken == 1000)
    }

    @Test func shareKeyAndRateTogetherNameABucket() {
        let shares = TokenBucketShares()
        let rate = TokenBucketRate(maxTokens: 1, fillIntervalMS: 1000)
        let other = TokenBucketRate(maxTokens: 2, fillIntervalMS: 1000)
        let first = shares.bucket("k", rate, now: at(0))
        #expect(shares.bucket("k", rate, now: at(0)) === first)
        #expect(shares.bucket("k", other, now: at(0)) !== first)
        #expect(shares.bucket("l", rate, now: at(0)) !== first)
        #expect(shares.bucket("", rate, now: at(0)) !== shares.bucket("", rate, now: at(0)))
    }

    @Test func messagesAreChecked() throws {
        func paths(_ json: String) throws -> [String] {
            let message = try Envoy_Type_V3_TokenBucket(jsonString: json)
            do throws(CompileFailure) {
                _ = try TokenBucketRate(message)
                return []
            } catch { return error.problems.map(\.path) }
        }
        #expect(try paths(#"{"max_tokens":1,"fill_interval":"0.05s"}"#) == [])
        #expect(try paths(#"{"max_tokens":1,"fill_interval":"0.049s"}"#) == ["fill_interval"])
        #expect(try paths(#"{"tokens_per_fill":0}"#) == ["max_tokens", "tokens_per_fill", "fill_interval"])
    }
}
