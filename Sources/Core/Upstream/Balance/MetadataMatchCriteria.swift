/// The metadata a route asks of its hosts: sorted keys with values, hashed once when the route is built.
///
/// Shared by reference: a weighted cluster entry merges its own criteria over the route's at configuration time.
public final class MetadataMatchCriteria: Sendable {
    public struct Criterion: Hashable, Sendable {
        public let key: String
        public let value: MetadataValue
    }

    /// Sorted by key.
    public let criteria: [Criterion]
    /// Variants tried in order with the metadata fallback list policy, already merged over the criteria; empty = none.
    let variants: [MetadataMatchCriteria]
    /// Key of the matching subset in a ``SubsetTable``.
    let subsetKey: SubsetKey

    /// Key whose value, a list of objects, holds the variants of the metadata fallback list policy.
    static let fallbackListKey = "fallback_list"

    public convenience init(_ members: [String: MetadataValue]) {
        var own = members
        own[Self.fallbackListKey] = nil
        var variants: [MetadataMatchCriteria] = []
        if let list = members[Self.fallbackListKey] {
            var overlays: [[String: MetadataValue]] = []
            if case .list(let entries) = list {
                overlays = entries.map { if case .object(let overlay) = $0 { overlay } else { [:] } }
            }
            // An empty list asks for the criteria themselves, without the list.
            if overlays.isEmpty { overlays = [[:]] }
            variants = overlays.map {
                MetadataMatchCriteria(flat: own.merging($0) { _, new in new }, variants: [])
            }
        }
        self.init(flat: members, variants: variants)
    }

    private init(flat members: [String: MetadataValue], variants: [MetadataMatchCriteria]) {
        criteria = members.sorted { $0.key < $1.key }.map { Criterion(key: $0.key, value: $0.value) }
        self.variants = variants
        subsetKey = SubsetKey(criteria)
    }

    /// These criteria without the keys that are not in `keys`.
    func keeping(_ keys: [String]) -> MetadataMatchCriteria {
        let kept = criteria.filter { keys.contains($0.key) }
        return MetadataMatchCriteria(
            flat: Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.value) }), variants: [])
    }

    /// These criteria with `other`'s values laid over them.
    public func merging(_ other: [String: MetadataValue]) -> MetadataMatchCriteria {
        var members = Dictionary(uniqueKeysWithValues: criteria.map { ($0.key, $0.value) })
        members.merge(other) { _, new in new }
        return MetadataMatchCriteria(members)
    }
}

/// Sorted key-value pairs with their hash, so that a lookup compares one integer first and allocates nothing.
struct SubsetKey: Hashable, Sendable {
    let pairs: [MetadataMatchCriteria.Criterion]
    private let digest: Int

    /// - Parameter pairs: sorted by key.
    init(_ pairs: [MetadataMatchCriteria.Criterion]) {
        self.pairs = pairs
        var hasher = Hasher()
        hasher.combine(pairs)
        digest = hasher.finalize()
    }

    func hash(into hasher: inout Hasher) { hasher.combine(digest) }

    static func == (left: SubsetKey, right: SubsetKey) -> Bool {
        left.digest == right.digest && left.pairs == right.pairs
    }

    var keys: [String] { pairs.map(\.key) }
}
