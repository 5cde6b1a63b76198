// What every honoured message looks like, read once from the embedded descriptor set: fields with their rules, and the
// reserved names that tell a field which Envoy has and we do not honour yet from a field that nobody has.
import ConfigAPI
import Foundation
package import SwiftProtobuf

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

/// One field of a message.
struct FieldSchema: Sendable {
    var name: String
    var jsonName: String
    var number: Int
    var type: FieldType
    var isRepeated: Bool
    /// A map: the type is then the message of its entries (key 1, value 2).
    var isMap: Bool
    var isDeprecated: Bool
    /// Whether unset and default differ on the wire.
    var hasPresence: Bool
    /// Index into the message's choice groups.
    var oneof: Int?
    var rules: Sluice_Validate_V1_FieldRules?
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
    package static func embeddedDescriptorSet() -> Google_Protobuf_FileDescriptorSet {
        let base64 = DescriptorSetBytes.base64
        let text = Data(bytesNoCopy: UnsafeMutableRawPointer(mutating: base64.utf8Start),
            count: base64.utf8CodeUnitCount, deallocator: .none)
        guard let bytes = Data(base64Encoded: text),
            let set = try? Google_Protobuf_FileDescriptorSet(
                serializedBytes: bytes, extensions: Sluice_Validate_V1_Rules_Extensions)
        else { preconditionFailure("The embedded descriptor set is what generate.sh wrote.") }
        return set
    }

    func message(named name: String) -> MessageSchema? {
        messageIndex[name].map { messages[$0] }
    }

    /// The full names of all messages.
    package var messageNames: [String] { messages.map(\.fullName) }

    private init(descriptorSet: Google_Protobuf_FileDescriptorSet) {
        var collected: [(name: String, descriptor: Google_Protobuf_DescriptorProto)] = []
        var enums: [EnumSchema] = []
        var enumIndex: [String: Int] = [:]
        func collect(_ descriptor: Google_Protobuf_EnumDescriptorProto, _ prefix: String) {
            let name = prefix + descriptor.name
            enumIndex[name] = enums.count
            enums.append(
                EnumSchema(
                    fullName: name, values: descriptor.value.map { ($0.name, $0.number) },
                    reservedNames: descriptor.reservedName,
                    reservedNumbers: descriptor.reservedRange.map { $0.start...max($0.start, $0.end) }))
        }
        func collect(_ descriptor: Google_Protobuf_DescriptorProto, _ prefix: String) {
            let name = prefix + descriptor.name
            collected.append((name, descriptor))
            for nested in descriptor.nestedType { collect(nested, name + ".") }
            for nested in descriptor.enumType { collect(nested, name + ".") }
        }
        for file in descriptorSet.file where file.name != "google/protobuf/descriptor.proto" {
            let prefix = file.package.isEmpty ? "" : file.package + "."
            for descriptor in file.messageType { collect(descriptor, prefix) }
            for descriptor in file.enumType { collect(descriptor, prefix) }
        }
        var index: [String: Int] = [:]
        var mapEntries: Set<Int> = []
        for (position, entry) in collected.enumerated() {
            index[entry.name] = position
            if entry.descriptor.options.mapEntry { mapEntries.insert(position) }
        }
        messages = collected.map { entry in
            Self.message(entry.name, entry.descriptor, index, enumIndex, mapEntries)
        }
        self.enums = enums
        messageIndex = index
    }

    private static func message(
        _ name: String, _ descriptor: Google_Protobuf_DescriptorProto, _ messages: [String: Int],
        _ enums: [String: Int], _ mapEntries: Set<Int>
    ) -> MessageSchema {
        var oneofs = descriptor.oneofDecl.map {
            OneofSchema(name: $0.name, isRequired: $0.options.Sluice_Validate_V1_oneofRules.required)
        }
        var fields: [FieldSchema] = []
        for field in descriptor.field {
            // Extension options and groups never occur in the honoured files; a type that is not there cannot be walked.
            guard let type = type(of: field, messages, enums) else { continue }
            let isRepeated = field.label == .repeated
            var isMap = false
            var isMessage = false
            if case .message(let target) = type {
                isMessage = true
                isMap = isRepeated && mapEntries.contains(target)
            }
            let oneof = field.hasOneofIndex && !field.proto3Optional ? Int(field.oneofIndex) : nil
            if let oneof, oneof < oneofs.count { oneofs[oneof].members.append(fields.count) }
            let hasRules = field.hasOptions && field.options.hasSluice_Validate_V1_rules
            fields.append(
                FieldSchema(
                    name: field.name, jsonName: field.jsonName.isEmpty ? camelCase(field.name) : field.jsonName,
                    number: Int(field.number), type: type, isRepeated: isRepeated, isMap: isMap,
                    isDeprecated: field.hasOptions && field.options.deprecated,
                    hasPresence: !isRepeated && (isMessage || oneof != nil || field.proto3Optional), oneof: oneof,
                    rules: hasRules ? field.options.Sluice_Validate_V1_rules : nil))
        }
        return MessageSchema(
            fullName: name, fields: fields, oneofs: oneofs, reservedNames: descriptor.reservedName,
            reservedNumbers: descriptor.reservedRange.map { Int($0.start)..<max(Int($0.start), Int($0.end)) })
    }

    private static func type(
        of field: Google_Protobuf_FieldDescriptorProto, _ messages: [String: Int], _ enums: [String: Int]
    ) -> FieldType? {
        switch field.type {
        case .double: return .double
        case .float: return .float
        case .int32: return .int32
        case .int64: return .int64
        case .uint32: return .uint32
        case .uint64: return .uint64
        case .sint32: return .sint32
        case .sint64: return .sint64
        case .fixed32: return .fixed32
        case .fixed64: return .fixed64
        case .sfixed32: return .sfixed32
        case .sfixed64: return .sfixed64
        case .bool: return .bool
        case .string: return .string
        case .bytes: return .bytes
        case .message: return messages[String(field.typeName.dropFirst())].map { .message($0) }
        case .enum: return enums[String(field.typeName.dropFirst())].map { .enumeration($0) }
        case .group: return nil
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
