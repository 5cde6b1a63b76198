// What every honoured message looks like, read once from the embedded descriptor set: fields with their rules, and the
// reserved names that tell a field which Envoy has and we do not honour yet from a field that nobody has.
import ConfigAPI
import Foundation

/// The type of one field's value.
enum FieldType: Sendable, Equatable {
    case double, float, int32, int64, uint32, uint64, sint32, sint64, fixed32, fixed64, sfixed32, sfixed64
    case bool, string, bytes
    /// Indices into the schema's lists.
    case message(Int)
    case enumeration(Int)

    var wireType: WireType {
        switch self {
        case .double, .fixed64, .sfixed64: return .fixed64
        case .float, .fixed32, .sfixed32: return .fixed32
        case .string, .bytes, .message: return .lengthDelimited
        default: return .varint
        }
    }
}

/// One field of a message. A class, so that passing it on costs one count and not one for each part.
final class FieldSchema: Sendable {
    let name: String
    let jsonName: String
    let number: Int
    let type: FieldType
    let isRepeated: Bool
    /// A map: the type is then the message of its entries (key 1, value 2).
    let isMap: Bool
    let isDeprecated: Bool
    /// Whether unset and default differ on the wire.
    let hasPresence: Bool
    /// Index into the message's choice groups.
    let oneof: Int?
    let rules: Sluice_Validate_V1_FieldRules?
    /// What a typed configuration below this field is for, when the field's name decides that.
    let place: ExtensionCategory?

    init(_ descriptor: FieldDescriptor, type: FieldType, isMap: Bool, rules: Sluice_Validate_V1_FieldRules?) {
        name = descriptor.name
        jsonName = descriptor.jsonName.isEmpty ? Schema.camelCase(descriptor.name) : descriptor.jsonName
        number = descriptor.number
        self.type = type
        isRepeated = descriptor.isRepeated
        self.isMap = isMap
        isDeprecated = descriptor.isDeprecated
        oneof = descriptor.isOptional ? nil : descriptor.oneof
        var isMessage = false
        if case .message = type { isMessage = true }
        hasPresence = !isRepeated && (isMessage || descriptor.oneof != nil)
        self.rules = rules
        place = ExtensionCatalog.fieldPlaces[descriptor.name]
    }
}

/// A choice group.
struct OneofSchema: Sendable {
    var name: String
    var isRequired: Bool
    /// Indices into the message's fields.
    var members: [Int] = []
}

/// Messages whose JSON form is not simply their fields.
enum WellKnownKind: Sendable {
    case none, any, duration, timestamp, fieldMask, structure, value, list
    case wrapper
}

/// One message.
final class MessageSchema: Sendable {
    let fullName: String
    let fields: [FieldSchema]
    let oneofs: [OneofSchema]
    /// Both spellings of each field's name.
    let indexByName: [String: Int]
    let indexByNumber: [Int: Int]
    let reservedNames: [String]
    let reservedNumbers: [Range<Int>]
    let kind: WellKnownKind
    /// What the `typed_config` of this message is for, when it has a `name` beside it.
    let holderCategory: ExtensionCategory?
    /// A TypedExtensionConfig, whose category is the one of the field that holds it.
    let isTypedExtension: Bool

    init(
        fullName: String, fields: [FieldSchema], oneofs: [OneofSchema], reservedNames: [String],
        reservedNumbers: [Range<Int>]
    ) {
        self.fullName = fullName
        self.fields = fields
        self.oneofs = oneofs
        self.reservedNames = reservedNames
        self.reservedNumbers = reservedNumbers
        var byName: [String: Int] = [:]
        byName.reserveCapacity(2 * fields.count)
        var byNumber: [Int: Int] = [:]
        for (index, field) in fields.enumerated() {
            byName[field.jsonName] = index
            byName[field.name] = index
            byNumber[field.number] = index
        }
        indexByName = byName
        indexByNumber = byNumber
        holderCategory = ExtensionCatalog.holders[fullName]
        isTypedExtension = fullName == "envoy.config.core.v3.TypedExtensionConfig"
        switch fullName {
        case "google.protobuf.Any": kind = .any
        case "google.protobuf.Duration": kind = .duration
        case "google.protobuf.Timestamp": kind = .timestamp
        case "google.protobuf.FieldMask": kind = .fieldMask
        case "google.protobuf.Struct": kind = .structure
        case "google.protobuf.Value": kind = .value
        case "google.protobuf.ListValue": kind = .list
        default:
            let isWrapper = fullName.hasPrefix("google.protobuf.") && fullName.hasSuffix("Value") && fields.count == 1
            kind = isWrapper ? .wrapper : .none
        }
    }

    /// The reserved name that this text spells, in snake case or camel case.
    func reservedName(for text: String) -> String? {
        reservedNames.first { $0 == text || Schema.camelCase($0) == text }
    }

    func isReserved(number: Int) -> Bool {
        reservedNumbers.contains { $0.contains(number) }
    }
}

/// One enum.
struct EnumSchema: Sendable {
    var fullName: String
    var values: [(name: String, number: Int32)]
    var reservedNames: [String]
    var reservedNumbers: [ClosedRange<Int32>]

    func name(of number: Int32) -> String? {
        values.first { $0.number == number }?.name
    }

    func number(of name: String) -> Int32? {
        let wanted = name.uppercased()
        return values.first { $0.name.uppercased() == wanted }?.number
    }

    func isReserved(_ number: Int32) -> Bool {
        reservedNumbers.contains { $0.contains(number) }
    }
}

/// All messages and enums.
package final class Schema: Sendable {
    /// Built from the descriptor set inside this program.
    package static let shared = Schema(descriptorSet: embeddedDescriptorSet())

    let messages: [MessageSchema]
    let enums: [EnumSchema]
    private let messageIndex: [String: Int]

    /// The descriptor set inside this program.
    private static func embeddedDescriptorSet() -> [UInt8] {
        let base64 = DescriptorSetBytes.base64
        let text = Data(
            bytesNoCopy: UnsafeMutableRawPointer(mutating: base64.utf8Start), count: base64.utf8CodeUnitCount,
            deallocator: .none)
        guard let bytes = Data(base64Encoded: text) else {
            preconditionFailure("The embedded descriptor set is what generate.sh wrote.")
        }
        return [UInt8](bytes)
    }

    func message(named name: String) -> MessageSchema? {
        messageIndex[name].map { messages[$0] }
    }

    /// The full names of all messages.
    package var messageNames: [String] { messages.map(\.fullName) }

    private init(descriptorSet bytes: [UInt8]) {
        let set = DescriptorSet(bytes)
        var index: [String: Int] = [:]
        var enumIndex: [String: Int] = [:]
        index.reserveCapacity(set.messages.count)
        for (position, message) in set.messages.enumerated() { index[message.fullName] = position }
        for (position, enumeration) in set.enums.enumerated() { enumIndex[enumeration.fullName] = position }
        messages = set.messages.map { Self.message($0, set, index, enumIndex) }
        enums = set.enums
        messageIndex = index
    }

    private static func message(
        _ descriptor: MessageDescriptor, _ set: DescriptorSet, _ messages: [String: Int], _ enums: [String: Int]
    ) -> MessageSchema {
        var oneofs = descriptor.oneofs
        var fields: [FieldSchema] = []
        fields.reserveCapacity(descriptor.fields.count)
        for field in descriptor.fields {
            // Groups never occur in the honoured files; a type that is not there cannot be walked.
            guard let type = type(of: field, messages, enums) else { continue }
            var isMap = false
            if case .message(let target) = type { isMap = field.isRepeated && set.messages[target].isMapEntry }
            if let oneof = field.oneof, !field.isOptional, oneof < oneofs.count {
                oneofs[oneof].members.append(fields.count)
            }
            let rules = field.rules.flatMap {
                try? Sluice_Validate_V1_FieldRules(serializedBytes: Array(set.bytes[$0]))
            }
            fields.append(FieldSchema(field, type: type, isMap: isMap, rules: rules))
        }
        return MessageSchema(
            fullName: descriptor.fullName, fields: fields, oneofs: oneofs, reservedNames: descriptor.reservedNames,
            reservedNumbers: descriptor.reservedNumbers)
    }

    private static func type(
        of field: FieldDescriptor, _ messages: [String: Int], _ enums: [String: Int]
    ) -> FieldType? {
        switch field.type {
        case 1: return .double
        case 2: return .float
        case 3: return .int64
        case 4: return .uint64
        case 5: return .int32
        case 6: return .fixed64
        case 7: return .fixed32
        case 8: return .bool
        case 9: return .string
        case 11: return messages[field.typeName].map { .message($0) }
        case 12: return .bytes
        case 13: return .uint32
        case 14: return enums[field.typeName].map { .enumeration($0) }
        case 15: return .sfixed32
        case 16: return .sfixed64
        case 17: return .sint32
        case 18: return .sint64
        default: return nil
        }
    }

    /// The JSON name that protobuf gives a field.
    static func camelCase(_ name: String) -> String {
        var out = ""
        var isUpper = false
        for character in name {
            if character == "_" {
                isUpper = true
            } else {
                out += isUpper ? character.uppercased() : String(character)
                isUpper = false
            }
        }
        return out
    }
}
