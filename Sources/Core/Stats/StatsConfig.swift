/// What the bootstrap's `stats_config` and `--stats-tag` say, compiled. Immutable from then on.
public struct StatsConfig: Sendable {
    public var matcher = StatsMatcher.acceptAll
    /// On every stat.
    public var fixedTags: [StatTag] = []
    var tagRules = StatTagRules.standard
    var buckets = HistogramBuckets()

    public init() {}

    func rejection(prefix: String, layout: StatLayout) -> StatRejection {
        switch matcher {
        case .acceptAll: return .none
        case .rejectAll: return .all
        case .inclusion, .exclusion: break
        }
        var rejected = Set<Int>()
        for (index, definition) in layout.definitions.enumerated() where !matcher.accepts(prefix + definition.name) {
            rejected.insert(index)
        }
        return rejected.isEmpty ? .none : rejected.count == layout.definitions.count ? .all : .some(rejected)
    }
}
