extension LoadBalancerSpec {
    /// Subset balancing: hosts are divided by metadata, an inner policy chooses inside the matching subset.
    public struct Subset: Hashable, Sendable {
        public var fallback = Fallback.noFallback
        public var defaultSubset: [String: MetadataValue] = [:]
        public var selectors: [Selector] = []
        public var isLocalityWeightAware = false
        public var scalesLocalityWeight = false
        public var panicModeAny = false
        public var listAsAny = false
        /// A route may carry a list of metadata variants to try in order.
        public var usesMetadataFallbackList = false
        /// A request may carry keys beyond those of a selector.
        public var allowsRedundantKeys = false
        /// The policy inside each subset, with its locality mode and panic threshold.
        public var inner: LoadBalancerSpec

        public init(inner: LoadBalancerSpec) { self.inner = inner }
    }

    public enum Fallback: Hashable, Sendable { case noFallback, anyEndpoint, defaultSubset }

    public struct Selector: Hashable, Sendable {
        /// Sorted and without doubles.
        public let keys: [String]
        public var fallback = SelectorFallback.notDefined
        /// Keys kept by the `.keysSubset` fallback: sorted, a proper part of `keys`.
        public let fallbackKeys: [String]
        public var isSingleHostPerSubset = false

        public init(keys: [String], fallback: SelectorFallback = .notDefined, fallbackKeys: [String] = []) {
            self.keys = Set(keys).sorted()
            self.fallback = fallback
            self.fallbackKeys = Set(fallbackKeys).sorted()
        }
    }

    public enum SelectorFallback: Hashable, Sendable {
        case notDefined, noFallback, anyEndpoint, defaultSubset, keysSubset
    }
}
