/// One immutable value of a metadata tree (what `google.protobuf.Value` can say), with structural equality.
///
/// Ordered by nothing, hashable by content: subset selection and host matching compare these values.
public enum MetadataValue: Hashable, Sendable {
    case null
    case number(Double)
    case string(String)
    case bool(Bool)
    case list([MetadataValue])
    case object([String: MetadataValue])

    /// The member of an object, nil for any other kind of value.
    public subscript(key: String) -> MetadataValue? {
        if case .object(let members) = self { return members[key] }
        return nil
    }

    /// The text of a string value, nil for any other kind.
    public var string: String? {
        if case .string(let text) = self { return text }
        return nil
    }
}

/// A metadata tree: filter name → that filter's object (`envoy.lb` holds what the balancers read).
public struct Metadata: Hashable, Sendable {
    /// The filter name whose object the balancers read.
    public static let lbFilterName = "envoy.lb"
    /// The filter name whose object transport socket matching reads.
    public static let transportSocketMatchFilterName = "envoy.transport_socket_match"
    /// The key in ``lbFilterName`` that replaces the address on a hash ring.
    public static let hashKey = "hash_key"

    public var filterMetadata: [String: MetadataValue]

    public init(filterMetadata: [String: MetadataValue] = [:]) { self.filterMetadata = filterMetadata }

    /// Metadata with only the balancers' object.
    public init(lb members: [String: MetadataValue]) {
        filterMetadata = members.isEmpty ? [:] : [Self.lbFilterName: .object(members)]
    }

    public var isEmpty: Bool { filterMetadata.isEmpty }

    /// The value at a filter name and key.
    public subscript(filter: String, key: String) -> MetadataValue? { filterMetadata[filter]?[key] }

    /// The value the balancers read under `key`.
    public func lbValue(_ key: String) -> MetadataValue? { filterMetadata[Self.lbFilterName]?[key] }
}
