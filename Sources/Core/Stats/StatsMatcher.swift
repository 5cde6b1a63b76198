/// The bootstrap's `stats_matcher`: which stats exist at all.
public enum StatsMatcher: Sendable {
    case acceptAll
    case rejectAll
    /// Only names that one of these takes.
    case inclusion([StringMatcher])
    /// All names but those that one of these takes.
    case exclusion([StringMatcher])

    func accepts(_ name: String) -> Bool {
        switch self {
        case .acceptAll: true
        case .rejectAll: false
        case .inclusion(let matchers): matchers.contains { $0.matches(name) }
        case .exclusion(let matchers): !matchers.contains { $0.matches(name) }
        }
    }
}
