// Figures of consistent-hash tables, for clusters that have one.

/// `cluster.<name>.ring_hash_lb.`
public enum RingHashStat: Int, StatKey {
    case size, minHashesPerHost, maxHashesPerHost

    public var definition: StatDefinition {
        switch self {
        case .size: .gauge("size")
        case .minHashesPerHost: .gauge("min_hashes_per_host")
        case .maxHashesPerHost: .gauge("max_hashes_per_host")
        }
    }
}

/// `cluster.<name>.maglev_lb.`
public enum MaglevStat: Int, StatKey {
    case minEntriesPerHost, maxEntriesPerHost

    public var definition: StatDefinition {
        switch self {
        case .minEntriesPerHost: .gauge("min_entries_per_host")
        case .maxEntriesPerHost: .gauge("max_entries_per_host")
        }
    }
}
