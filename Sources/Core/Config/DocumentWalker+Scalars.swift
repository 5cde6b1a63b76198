// Scalars of the walk: numbers, truth values, strings, bytes and enums, with Envoy's leniency and its limits.
import ConfigAPI
import Foundation

extension DocumentWalker {
    /// Writes a scalar field. Defaults are written only where they differ from unset: for items and in choice groups.
    mutating func scalar(_ value: ScalarValue, _ node: Int32, _ field: FieldSchema, isElement: Bool) {
        if case .null = value {
            if isElement { defaultScalar(field) }
            return
        }
        let isAlways = isElement || field.hasPresence
        let isWritten: Bool
        switch field.type {
        case .double, .float:
            isWritten = floating(value, node, field, isAlways)
        case .bool:
            isWritten = truth(value, node, field, isAlways)
        case .string:
            isWritten = string(value, node, field, isAlways)
        case .bytes:
            isWritten = bytes(value, node, field, isAlways)
        case .enumeration(let index):
            isWritten = enumeration(value, node, field, schema.enums[index], isAlways)
        case .message:
            isWritten = false
        default:
            isWritten = integer(value, node, field, isAlways)
        }
        if !isWritten && isElement { defaultScalar(field) }
    }

    /// Writes the default of the field's type.
    mutating func defaultScalar(_ field: FieldSchema) {
        writer.tag(field.number, field.type.wireType)
        switch field.type.wireType {
        case .varint, .lengthDelimited: writer.varint(0)
        case .fixed32: writer.fixed32(0)
        case .fixed64: writer.fixed64(0)
        }
    }

    func typeWords(_ type: FieldType) -> String {
        switch type {
        case .double, .float: return "a number"
        case .bool: return "true or false"
        case .string: return "a string"
        case .bytes: return "a string of base64"
        case .enumeration(let index): return "one of \(enumNames(schema.enums[index]))"
        case .message: return "an object"
        default: return "an integer"
        }
    }

    private func enumNames(_ enumeration: EnumSchema) -> String {
        enumeration.values.map(\.name).joined(separator: ", ")
    }

    private mutating func floating(_ value: ScalarValue, _ node: Int32, _ field: FieldSchema, _ isAlways: Bool) -> Bool
    {
        let number: Double?
        switch value {
        case .number(let integer): number = Double(integer)
        case .decimal(let text): number = NumberText.decimal(text)
        case .string("NaN"): number = .nan
        case .string("Infinity"): number = .infinity
        case .string("-Infinity"): number = -.infinity
        case .string(let text): number = NumberText.decimal(text)
        default: number = nil
        }
        guard let number else {
            report(node, "must be a number", found: value.found)
            return false
        }
        if number == 0, !isAlways { return true }
        writer.tag(field.number, field.type.wireType)
        if field.type == .float {
            writer.fixed32(Float(number).bitPattern)
        } else {
            writer.fixed64(number.bitPattern)
        }
        return true
    }

    private mutating func truth(_ value: ScalarValue, _ node: Int32, _ field: FieldSchema, _ isAlways: Bool) -> Bool {
        let truth: Bool?
        switch value {
        case .bool(let isTrue): truth = isTrue
        case .string(let text):
            switch text.lowercased() {
            case "true", "t", "yes", "y", "1": truth = true
            case "false", "f", "no", "n", "0": truth = false
            default: truth = nil
            }
        default: truth = nil
        }
        guard let truth else {
            report(node, "must be true or false", found: value.found)
            return false
        }
        if truth || isAlways {
            writer.tag(field.number, .varint)
            writer.varint(truth ? 1 : 0)
        }
        return true
    }

    private mutating func string(_ value: ScalarValue, _ node: Int32, _ field: FieldSchema, _ isAlways: Bool) -> Bool {
        guard case .string(let text) = value else {
            let quoted = tree.isScalar(node) ? tree.string(node) : ""
            report(node, "must be a string", found: value.found, allowed: "\"\(quoted)\" in quotes")
            return false
        }
        if !text.isEmpty || isAlways { writer.string(field.number, text) }
        return true
    }

    private mutating func bytes(_ value: ScalarValue, _ node: Int32, _ field: FieldSchema, _ isAlways: Bool) -> Bool {
        guard case .string(let text) = value else {
            report(node, "must be a string of base64", found: value.found)
            return false
        }
        var standard = text.replacing("-", with: "+").replacing("_", with: "/")
        while standard.hasSuffix("=") { standard.removeLast() }
        standard += String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4)
        guard let data = Data(base64Encoded: standard) else {
            report(node, "must be a string of base64", found: value.found)
            return false
        }
        if !data.isEmpty || isAlways { writer.data(field.number, data) }
        return true
    }

    private mutating func enumeration(
        _ value: ScalarValue, _ node: Int32, _ field: FieldSchema, _ enumeration: EnumSchema, _ isAlways: Bool
    ) -> Bool {
        var number: Int32?
        switch value {
        case .number(let integer): number = Int32(exactly: integer)
        case .string(let text):
            if let named = enumeration.number(of: text) {
                number = named
            } else if let reserved = enumeration.reservedNames.first(where: { $0.uppercased() == text.uppercased() }) {
                report(
                    node,
                    "\"\(reserved)\" is a value of Envoy's \(enumeration.fullName) that Sluice does not honour yet",
                    allowed: enumNames(enumeration))
                return false
            } else if let integer = Int32(text) {
                number = integer
            } else {
                report(
                    node, "unknown value of \(enumeration.fullName)", found: value.found,
                    allowed: enumNames(enumeration),
                    nearest: NearestName.find(text, among: enumeration.values.map(\.name)))
                return false
            }
        default: break
        }
        guard let number else {
            report(
                node, "must be a value of \(enumeration.fullName)", found: value.found, allowed: enumNames(enumeration))
            return false
        }
        if enumeration.name(of: number) == nil {
            let text =
                enumeration.isReserved(number)
                ? "\(number) is a value of Envoy's \(enumeration.fullName) that Sluice does not honour yet"
                : "\(number) is not a value of \(enumeration.fullName)"
            report(node, text, allowed: enumNames(enumeration))
            return false
        }
        if number != 0 || isAlways {
            writer.tag(field.number, .varint)
            writer.varint(UInt64(bitPattern: Int64(number)))
        }
        return true
    }

    private mutating func integer(_ value: ScalarValue, _ node: Int32, _ field: FieldSchema, _ isAlways: Bool) -> Bool {
        let parsed: NumberText.Integer
        switch value {
        case .number(let integer): parsed = .value(negative: integer < 0, magnitude: integer.magnitude)
        case .decimal(let text), .string(let text): parsed = NumberText.integer(text)
        default: parsed = .notNumber
        }
        let limits: (negative: UInt64, positive: UInt64)
        switch field.type {
        case .int32, .sint32, .sfixed32: limits = (1 << 31, 1 << 31 - 1)
        case .int64, .sint64, .sfixed64: limits = (1 << 63, 1 << 63 - 1)
        case .uint32, .fixed32: limits = (0, UInt64(UInt32.max))
        default: limits = (0, .max)
        }
        let range = "\(limits.negative == 0 ? "" : "-")\(limits.negative) to \(limits.positive)"
        switch parsed {
        case .notNumber:
            report(node, "must be an integer", found: value.found)
            return false
        case .notIntegral:
            report(node, "must be an integer without a fraction", found: value.found)
            return false
        case .tooLarge:
            report(node, "out of range", found: value.found, allowed: range)
            return false
        case .value(let isNegative, let magnitude):
            guard magnitude <= (isNegative ? limits.negative : limits.positive) else {
                report(node, "out of range", found: value.found, allowed: range)
                return false
            }
            if magnitude == 0, !isAlways { return true }
            let bits = isNegative ? 0 &- magnitude : magnitude
            writer.tag(field.number, field.type.wireType)
            switch field.type {
            case .fixed32, .sfixed32: writer.fixed32(UInt32(truncatingIfNeeded: bits))
            case .fixed64, .sfixed64: writer.fixed64(bits)
            case .sint32, .sint64:
                let signed = Int64(bitPattern: bits)
                writer.varint(UInt64(bitPattern: (signed << 1) ^ (signed >> 63)))
            default: writer.varint(bits)
            }
            return true
        }
    }
}
