public import ConfigAPI
public import SwiftProtobuf

extension MetadataValue {
    public init(_ value: Google_Protobuf_Value) {
        switch value.kind {
        case nil, .nullValue: self = .null
        case .numberValue(let number): self = .number(number)
        case .stringValue(let text): self = .string(text)
        case .boolValue(let flag): self = .bool(flag)
        case .structValue(let members): self = .object(Self.members(members))
        case .listValue(let list): self = .list(list.values.map { MetadataValue($0) })
        }
    }

    /// The members of a struct message.
    public static func members(_ message: Google_Protobuf_Struct) -> [String: MetadataValue] {
        message.fields.mapValues { MetadataValue($0) }
    }
}

extension Metadata {
    public init(_ message: Envoy_Config_Core_V3_Metadata) {
        self.init(filterMetadata: message.filterMetadata.mapValues { .object(MetadataValue.members($0)) })
    }
}
