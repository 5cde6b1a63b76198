// Envoy's MetadataMatcher: where in the metadata to look, what must be there, and whether the answer is turned round.

/// A compiled test of metadata.
public struct MetadataMatcher: Sendable {
    private let filter: String
    private let path: [String]
    private let value: ValueMatcher
    private let inverts: Bool

    public init(filter: String, path: [String], value: ValueMatcher, inverts: Bool = false) {
        self.filter = filter
        self.path = path
        self.value = value
        self.inverts = inverts
    }

    public func matches(_ metadata: Metadata) -> Bool {
        value.matches(metadata.value(filter: filter, path: path)) != inverts
    }
}
