/// Non-empty bins in order of value, with their counts: a compact immutable histogram.
public struct HistogramSample: Sendable, Equatable {
    struct Bin: Sendable, Equatable {
        let index: Int
        var count: UInt64
    }

    private(set) var bins: [Bin] = []

    init() {}

    /// `counts` may name a bin several times and in any order.
    init(counts: [(index: Int, count: UInt64)]) {
        for (index, count) in counts.sorted(by: { $0.index < $1.index }) where count > 0 {
            if bins.last?.index == index {
                bins[bins.count - 1].count += count
            } else {
                bins.append(Bin(index: index, count: count))
            }
        }
    }

    public var count: UInt64 { bins.reduce(0) { $0 &+ $1.count } }
    public var isEmpty: Bool { bins.isEmpty }

    /// What is left of each bin; never below zero.
    func subtracting(_ other: HistogramSample) -> HistogramSample {
        guard !other.bins.isEmpty else { return self }
        var counts: [(index: Int, count: UInt64)] = []
        var place = 0
        for bin in bins {
            while place < other.bins.count, other.bins[place].index < bin.index { place += 1 }
            let taken = place < other.bins.count && other.bins[place].index == bin.index ? other.bins[place].count : 0
            if bin.count > taken { counts.append((bin.index, bin.count - taken)) }
        }
        return HistogramSample(counts: counts)
    }

    func adding(_ other: HistogramSample) -> HistogramSample {
        HistogramSample(counts: (bins + other.bins).map { ($0.index, $0.count) })
    }
}
