// Structured metadata as policies read it: the values of google.protobuf.Struct without its generated classes.

public import SwiftProtobuf

/// One value of a Struct.
public enum MetadataValue: Equatable, Sendable {
    case null
    case number(Double)
    case string(String)
    case bool(Bool)
    case list([MetadataValue])
    case structure([String: MetadataValue])

    public init(_ message: Google_Protobuf_Value) {
        switch message.kind {
        case .numberValue(let number): self = .number(number)
        case .stringValue(let text): self = .string(text)
        case .boolValue(let flag): self = .bool(flag)
        case .listValue(let list): self = .list(list.values.map(MetadataValue.init))
        case .structValue(let structure): self = .structure(structure.fields.mapValues(MetadataValue.init))
        case .nullValue, nil: self = .null
        }
    }

    /// The value that a path of keys leads to; nil where a key is missing or something else than a structure is met.
    func value(at path: [String]) -> MetadataValue? {
        var here = self
        for key in path {
            guard case .structure(let fields) = here, let next = fields[key] else { return nil }
            here = next
        }
        return here
    }
}

/// Metadata by namespace ("filter"), as filters write it onto a connection.
public struct MetadataMap: Equatable, Sendable {
    public private(set) var namespaces: [String: MetadataValue]

    public init(_ namespaces: [String: [String: MetadataValue]] = [:]) {
        self.namespaces = namespaces.mapValues { .structure($0) }
    }

    public var isEmpty: Bool { namespaces.isEmpty }

    /// Sets one key of a namespace, keeping the namespace's other keys.
    public mutating func set(_ namespace: String, key: String, to value: MetadataValue) {
        var fields: [String: MetadataValue] = [:]
        if case .structure(let old)? = namespaces[namespace] { fields = old }
        fields[key] = value
        namespaces[namespace] = .structure(fields)
    }

    public func value(namespace: String, path: [String]) -> MetadataValue? { namespaces[namespace]?.value(at: path) }
}
