// Metadata as policies reach into it: by a path of keys, and from google.protobuf.Struct.

public import ConfigAPI
public import SwiftProtobuf

extension MetadataValue {
    public init(_ message: Google_Protobuf_Value) {
        switch message.kind {
        case .numberValue(let number): self = .number(number)
        case .stringValue(let text): self = .string(text)
        case .boolValue(let flag): self = .bool(flag)
        case .listValue(let list): self = .list(list.values.map { MetadataValue($0) })
        case .structValue(let structure): self = .object(structure.fields.mapValues { MetadataValue($0) })
        case .nullValue, nil: self = .null
        }
    }
}

extension MetadataValue {
    /// The members of a Struct.
    public static func members(_ message: Google_Protobuf_Struct) -> [String: MetadataValue] {
        message.fields.mapValues { MetadataValue($0) }
    }
}

extension Metadata {
    /// `filter_metadata` of the message; `typed_filter_metadata` is read by nobody here.
    public init(_ message: Envoy_Config_Core_V3_Metadata) {
        self.init(
            filterMetadata: message.filterMetadata.mapValues { .object($0.fields.mapValues { MetadataValue($0) }) })
    }

    /// The value that a path of keys leads to; nil where a key is missing or something else than an object is met.
    public func value(filter: String, path: [String]) -> MetadataValue? {
        guard var here = filterMetadata[filter] else { return nil }
        for key in path {
            guard let next = here[key] else { return nil }
            here = next
        }
        return here
    }

    /// Sets one key of a filter's object, keeping the others.
    public mutating func set(_ filter: String, key: String, to value: MetadataValue) {
        var members: [String: MetadataValue] = [:]
        if case .object(let old)? = filterMetadata[filter] { members = old }
        members[key] = value
        filterMetadata[filter] = .object(members)
    }
}
