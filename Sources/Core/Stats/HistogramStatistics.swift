/// Quantiles, bucket counts and sums of a sample, worked out as Envoy does.
struct HistogramStatistics {
    static let quantiles: [Double] = [0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1]
    /// The quantiles as percentages, in text.
    static let quantileNames = ["0", "25", "50", "75", "90", "95", "99", "99.5", "99.9", "100"]

    let sample: HistogramSample
    /// Recorded values times this are what is printed.
    let scale: Double

    init(_ sample: HistogramSample, unit: StatUnit) {
        self.sample = sample
        scale = unit == .percent ? 1e-6 : 1
    }

    func lowerBound(_ bin: HistogramSample.Bin) -> Double { HistogramBin.lowerBound(bin.index) * scale }
    func width(_ bin: HistogramSample.Bin) -> Double { HistogramBin.width(bin.index) * scale }

    /// One value per quantile; nil for an empty sample.
    ///
    /// The quantile q of n values is the value of rank ⌈q n⌉, at least 1; the k-th of m values in a bin is taken to lie
    /// at k / (m + 1) of the bin's width.
    func computeQuantiles() -> [Double]? {
        let total = sample.count
        guard total > 0 else { return nil }
        var values: [Double] = []
        var place = 0
        var below: UInt64 = 0
        for quantile in Self.quantiles {
            let rank = max(1, min(total, UInt64((quantile * Double(total)).rounded(.up))))
            while place + 1 < sample.bins.count, below + sample.bins[place].count < rank {
                below += sample.bins[place].count
                place += 1
            }
            let bin = sample.bins[place]
            let share = Double(rank - below) / Double(bin.count + 1)
            values.append(lowerBound(bin) + width(bin) * share)
        }
        return values
    }

    /// How many values lie at or below each bound: all bins that begin there or before.
    func cumulativeCounts(_ bounds: [Double]) -> [UInt64] {
        var counts: [UInt64] = []
        var place = 0
        var below: UInt64 = 0
        for bound in bounds {
            while place < sample.bins.count, lowerBound(sample.bins[place]) <= bound {
                below += sample.bins[place].count
                place += 1
            }
            counts.append(below)
        }
        return counts
    }

    /// Each bin counted at the harmonic mean of its ends, which has the least relative error.
    var sum: Double {
        var sum = 0.0
        for bin in sample.bins where bin.index > 0 {
            let low = lowerBound(bin)
            let high = low + width(bin)
            sum += 2 * low * high / (low + high) * Double(bin.count)
        }
        return sum
    }
}
