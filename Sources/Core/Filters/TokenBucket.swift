// A token bucket that refills all the time: values in, values out; time is an argument.

import ConfigAPI
import SwiftProtobuf
import Synchronization

/// How a bucket fills: `tokensPerFill` every `fillIntervalMS`, spread evenly, up to `maxTokens`.
///
/// Envoy's buckets give single tokens as they come due, not `tokensPerFill` at once at the end of an interval: 10 per
/// 2 s is one every 200 ms.
public struct TokenBucketRate: Hashable, Sendable {
    public static let minFillIntervalMS: Int64 = 50

    public var maxTokens: UInt32
    public var tokensPerFill: UInt32
    public var fillIntervalMS: Int64

    public init(maxTokens: UInt32, tokensPerFill: UInt32 = 1, fillIntervalMS: Int64) {
        self.maxTokens = maxTokens
        self.tokensPerFill = tokensPerFill
        self.fillIntervalMS = fillIntervalMS
    }

    init(_ message: Envoy_Type_V3_TokenBucket) throws(CompileFailure) {
        var problems = ProblemCollector()
        if message.maxTokens == 0 { problems.add("must be more than 0", at: "max_tokens") }
        if message.hasTokensPerFill, message.tokensPerFill.value == 0 {
            problems.add("must be more than 0", at: "tokens_per_fill")
        }
        if !message.hasFillInterval {
            problems.add("is needed", at: "fill_interval")
        } else if message.fillInterval.milliseconds < TokenBucketRate.minFillIntervalMS {
            problems.add("must be at least \(TokenBucketRate.minFillIntervalMS) ms", at: "fill_interval")
        }
        try problems.throwIfAny()
        self.init(
            maxTokens: message.maxTokens, tokensPerFill: message.hasTokensPerFill ? message.tokensPerFill.value : 1,
            fillIntervalMS: message.fillInterval.milliseconds)
    }

    /// Nanoseconds until one more token is due. A fraction: rates go up to tokens per nanosecond.
    var nanosecondsPerToken: Double { Double(fillIntervalMS) * 1e6 / Double(max(1, tokensPerFill)) }

    /// The whole state of a bucket is the moment at which it was last empty.
    func fullBucket(at now: Instant) -> Double { Double(now.nanoseconds) - Double(maxTokens) * nanosecondsPerToken }

    /// The moment after taking `count` tokens; nil where the bucket holds fewer.
    func take(_ count: UInt32, emptyAt: Double, now: Instant) -> Double? {
        let time = Double(now.nanoseconds)
        let perToken = nanosecondsPerToken
        let held = min(time - emptyAt, Double(maxTokens) * perToken)
        let cost = Double(count) * perToken
        return held >= cost ? time - (held - cost) : nil
    }
}

/// One thread's bucket, as a value. Starts full.
public struct TokenBucket: Sendable {
    public let rate: TokenBucketRate
    private var emptyAt: Double

    public init(_ rate: TokenBucketRate, now: Instant) {
        self.rate = rate
        emptyAt = rate.fullBucket(at: now)
    }

    /// Takes `count` tokens, all or none.
    public mutating func take(_ count: UInt32 = 1, now: Instant) -> Bool {
        guard let next = rate.take(count, emptyAt: emptyAt, now: now) else { return false }
        emptyAt = next
        return true
    }
}

/// A bucket that all workers take from: one atomic word, no lock. Starts full.
public final class SharedTokenBucket: Sendable {
    public let rate: TokenBucketRate
    /// The bits of a Double.
    private let emptyAt: Atomic<UInt64>

    public init(_ rate: TokenBucketRate, now: Instant) {
        self.rate = rate
        emptyAt = Atomic(rate.fullBucket(at: now).bitPattern)
    }

    /// Takes `count` tokens, all or none. Bounded in practice: a retry means that another thread has taken one.
    public func take(_ count: UInt32 = 1, now: Instant) -> Bool {
        var seen = emptyAt.load(ordering: .relaxed)
        while true {
            guard let next = rate.take(count, emptyAt: Double(bitPattern: seen), now: now) else { return false }
            let (exchanged, original) = emptyAt.weakCompareExchange(
                expected: seen, desired: next.bitPattern, ordering: .relaxed)
            if exchanged { return true }
            seen = original
        }
    }
}

/// Buckets with a `share_key`: filters with the same key and the same rate take from one bucket.
final class TokenBucketShares: Sendable {
    private struct Key: Hashable {
        var name: String
        var rate: TokenBucketRate
    }

    private struct Holder {
        weak var bucket: SharedTokenBucket?
    }

    private let buckets = Locked<[Key: Holder]>([:])

    /// A bucket of its own for an empty key. A shared one lives as long as a filter's configuration has it.
    func bucket(_ name: String, _ rate: TokenBucketRate, now: Instant) -> SharedTokenBucket {
        if name.isEmpty { return SharedTokenBucket(rate, now: now) }
        return buckets.withLock { buckets in
            let key = Key(name: name, rate: rate)
            if let alive = buckets[key]?.bucket { return alive }
            buckets = buckets.filter { $0.value.bucket != nil }
            let made = SharedTokenBucket(rate, now: now)
            buckets[key] = Holder(bucket: made)
            return made
        }
    }
}
