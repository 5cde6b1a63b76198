/// What the bootstrap's `stats_config` says, compiled.
public struct StatsConfig: Sendable {
    /// The `stats_matcher`: whether a stat of this full name is kept. Nil keeps all.
    public var accepts: (@Sendable (String) -> Bool)?

    public init() {}

    func rejection(prefix: String, layout: StatLayout) -> StatRejection {
        guard let accepts else { return .none }
        var rejected = Set<Int>()
        for (index, definition) in layout.definitions.enumerated() where !accepts(prefix + definition.name) {
            rejected.insert(index)
        }
        return rejected.isEmpty ? .none : rejected.count == layout.definitions.count ? .all : .some(rejected)
    }
}
