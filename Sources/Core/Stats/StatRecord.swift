/// What the store remembers of one live scope. Names are made from it on scrape and never stored.
///
/// `@unchecked Sendable`: `prefix`, `layout`, `tags`, `rejected` and `id` are written before the record is shared;
/// `main` is touched by the main thread only (scrape, flush, reset), never through a ``StatScope``.
final class StatRecord: @unchecked Sendable {
    let id: Int
    let prefix: String
    let layout: StatLayout
    /// The type of the keys, by which the store finds the scope again.
    let key: ObjectIdentifier
    /// Tags given by the code that made the scope, beside those extracted from the name.
    let fixedTags: [StatTag]
    /// Indices that the `stats_matcher` keeps out; nil when it lets all in.
    let rejected: StatRejection
    /// The main thread's own notes, made when first needed.
    var main: StatRecordNotes?

    init(
        id: Int, prefix: String, layout: StatLayout, key: ObjectIdentifier, fixedTags: [StatTag],
        rejected: StatRejection
    ) {
        self.id = id
        self.prefix = prefix
        self.layout = layout
        self.key = key
        self.fixedTags = fixedTags
        self.rejected = rejected
    }
}

/// A name and value that a stat carries beside its name; a label for Prometheus.
public struct StatTag: Sendable, Hashable {
    public let name: String
    public let value: String

    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// Which stats of a scope the `stats_matcher` keeps out.
enum StatRejection: Sendable {
    case none, all
    case some(Set<Int>)

    @inline(__always)
    func contains(_ index: Int) -> Bool {
        switch self {
        case .none: false
        case .all: true
        case .some(let indices): indices.contains(index)
        }
    }
}

/// Merged histograms, counter offsets since the last reset, and extracted tags of one scope.
final class StatRecordNotes {
    /// Raw counter sums at the last `/reset_counters`, by index.
    var counterBases: [Int] = []
    var histograms: [Int: MergedHistogram] = [:]
    var tags: StatScopeTags?
}
