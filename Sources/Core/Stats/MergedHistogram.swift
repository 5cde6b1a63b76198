/// A histogram over all threads, on the main thread: since the start and over the last flush interval.
struct MergedHistogram: Sendable {
    /// Everything merged so far.
    var cumulative = HistogramSample()
    /// What the last flush added.
    var interval = HistogramSample()
    /// What the threads' tables held when counters were last reset; subtracted from what they hold now.
    var base = HistogramSample()

    /// Takes over what the threads hold now; the difference becomes the interval.
    mutating func merge(_ total: HistogramSample) {
        let next = total.subtracting(base)
        interval = next.subtracting(cumulative)
        cumulative = next
    }
}
