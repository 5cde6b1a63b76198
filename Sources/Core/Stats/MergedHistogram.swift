/// A histogram over all threads, on the main thread: since the start and over the last flush interval.
struct MergedHistogram: Sendable {
    /// Everything merged so far.
    var cumulative = HistogramSample()
    /// What the last flush added.
    var interval = HistogramSample()
    /// Takes over what the threads hold now; the difference becomes the interval.
    mutating func merge(_ total: HistogramSample) {
        interval = total.subtracting(cumulative)
        cumulative = total
    }
}
