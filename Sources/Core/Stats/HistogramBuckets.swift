/// Upper bounds of histogram buckets: the default ones, or the first of `histogram_bucket_settings` whose matcher takes
/// the histogram's name.
struct HistogramBuckets: Sendable {
    static let standard: [Double] = [
        0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300_000, 600_000, 1_800_000,
        3_600_000,
    ]

    var settings: [(matcher: StringMatcher, bounds: [Double])] = []

    func bounds(for name: String) -> [Double] {
        settings.first { $0.matcher.matches(name) }?.bounds ?? Self.standard
    }
}
