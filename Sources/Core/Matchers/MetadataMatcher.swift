// Envoy's MetadataMatcher: where in the metadata to look, what must be there, and whether the answer is turned round.

/// A compiled test of metadata.
public struct MetadataMatcher: Sendable {
    private let namespace: String
    private let path: [String]
    private let value: ValueMatcher
    private let inverts: Bool

    public init(namespace: String, path: [String], value: ValueMatcher, inverts: Bool = false) {
        self.namespace = namespace
        self.path = path
        self.value = value
        self.inverts = inverts
    }

    public func matches(_ metadata: MetadataMap) -> Bool {
        value.matches(metadata.value(namespace: namespace, path: path)) != inverts
    }
}
