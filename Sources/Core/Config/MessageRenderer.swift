// Messages as JSON in Envoy's style: proto field names, members by field number, `Any`s of known types opened.
import Foundation
package import SwiftProtobuf

/// Renders one message.
package struct MessageRenderer {
    private static let maxDepth = 200

    private let schema = Schema.shared
    /// Whether unset scalars and lists are written with their defaults, as `/server_info` does.
    private let writesDefaults: Bool
    private var depth = 0

    /// The JSON tree of a message that the descriptor set knows.
    package static func json(_ message: some Message, writesDefaults: Bool = false) -> JSONValue {
        guard let bytes: [UInt8] = try? message.serializedBytes(partial: true),
            let known = Schema.shared.message(named: type(of: message).protoMessageName)
        else { return .null }
        var renderer = MessageRenderer(writesDefaults: writesDefaults)
        return renderer.message(bytes, 0..<bytes.count, known)
    }

    private init(writesDefaults: Bool) {
        self.writesDefaults = writesDefaults
    }

    private mutating func message(_ bytes: [UInt8], _ range: Range<Int>, _ message: MessageSchema) -> JSONValue {
        guard depth < Self.maxDepth else { return .null }
        depth += 1
        defer { depth -= 1 }
        switch message.kind {
        case .none: return .object(members(bytes, range, message))
        case .wrapper: return wrapper(bytes, range, message)
        case .duration:
            let (seconds, nanos) = time(bytes, range)
            return .string(DurationText.format(seconds: seconds, nanos: nanos))
        case .timestamp:
            let (seconds, nanos) = time(bytes, range)
            return .string(Self.timestamp(seconds: seconds, nanos: nanos))
        case .fieldMask:
            var paths: [String] = []
            var reader = WireReader(bytes, range)
            while let wire = reader.next() { paths.append(Schema.camelCase(reader.string(wire))) }
            return .string(paths.joined(separator: ","))
        case .any: return any(bytes, range)
        case .structure: return structure(bytes, range)
        case .list:
            var items: [JSONValue] = []
            var reader = WireReader(bytes, range)
            while let wire = reader.next() { items.append(value(bytes, wire.range)) }
            return .array(items)
        case .value: return value(bytes, range)
        }
    }

    private mutating func members(
        _ bytes: [UInt8], _ range: Range<Int>, _ message: MessageSchema
    ) -> [JSONValue.Member] {
        var values: [[JSONValue]] = Array(repeating: [], count: message.fields.count)
        var entries: [[JSONValue.Member]] = Array(repeating: [], count: message.fields.count)
        var reader = WireReader(bytes, range)
        while let wire = reader.next() {
            guard let index = message.indexByNumber[wire.number] else { continue }
            let field = message.fields[index]
            if field.isMap, case .message(let entry) = field.type {
                entries[index].append(mapEntry(bytes, wire.range, schema.messages[entry]))
            } else if wire.type == .lengthDelimited, field.isRepeated, field.type.wireType != .lengthDelimited {
                var packed = WireReader(bytes, wire.range)
                while packed.position < packed.end, let bits = packed.scalar(field.type.wireType) {
                    values[index].append(scalar(bits, field.type))
                }
            } else {
                values[index].append(one(bytes, wire, field.type))
            }
        }
        var out: [JSONValue.Member] = []
        for index in message.fields.indices.sorted(by: { message.fields[$0].number < message.fields[$1].number }) {
            let field = message.fields[index]
            if field.isMap {
                // Maps have no order; sorted, so that the same configuration gives the same text.
                let sorted = entries[index].sorted { $0.key < $1.key }
                if !sorted.isEmpty || writesDefaults { out.append(.init(field.name, .object(sorted))) }
            } else if field.isRepeated {
                if !values[index].isEmpty || writesDefaults { out.append(.init(field.name, .array(values[index]))) }
            } else if let last = values[index].last {
                out.append(.init(field.name, last))
            } else if writesDefaults, !field.hasPresence {
                out.append(.init(field.name, defaultValue(field.type)))
            }
        }
        return out
    }

    private func defaultValue(_ type: FieldType) -> JSONValue {
        switch type {
        case .string, .bytes: return .string("")
        default: return scalar(0, type)
        }
    }

    private mutating func one(_ bytes: [UInt8], _ wire: WireReader.Field, _ type: FieldType) -> JSONValue {
        guard wire.type == type.wireType else { return .null }
        switch type {
        case .message(let index): return message(bytes, wire.range, schema.messages[index])
        case .string: return .string(String(decoding: bytes[wire.range], as: UTF8.self))
        case .bytes: return .string(Data(bytes[wire.range]).base64EncodedString())
        default: return scalar(wire.scalar, type)
        }
    }

    /// 64-bit integers are strings, since many readers of JSON would round them.
    private func scalar(_ bits: UInt64, _ type: FieldType) -> JSONValue {
        switch type {
        case .double: return .number(Double(bitPattern: bits))
        case .float:
            let value = Float(bitPattern: UInt32(truncatingIfNeeded: bits))
            return value == value.rounded() ? .number(Double(value)) : .number("\(value)")
        case .bool: return .bool(bits != 0)
        case .int32, .sfixed32: return .number("\(Int32(truncatingIfNeeded: bits))")
        case .uint32, .fixed32: return .number("\(UInt32(truncatingIfNeeded: bits))")
        case .sint32: return .number("\(Int64(bitPattern: bits >> 1) ^ -Int64(bitPattern: bits & 1))")
        case .int64, .sfixed64: return .string("\(Int64(bitPattern: bits))")
        case .sint64: return .string("\(Int64(bitPattern: bits >> 1) ^ -Int64(bitPattern: bits & 1))")
        case .uint64, .fixed64: return .string("\(bits)")
        case .enumeration(let index):
            let number = Int32(truncatingIfNeeded: bits)
            return schema.enums[index].name(of: number).map { .string($0) } ?? .number("\(number)")
        case .string, .bytes, .message: return .null
        }
    }

    private mutating func mapEntry(
        _ bytes: [UInt8], _ range: Range<Int>, _ entry: MessageSchema
    ) -> JSONValue.Member {
        var key = ""
        var found: JSONValue = .object([])
        var reader = WireReader(bytes, range)
        while let wire = reader.next() {
            guard let index = entry.indexByNumber[wire.number] else { continue }
            let part = one(bytes, wire, entry.fields[index].type)
            if wire.number == 2 {
                found = part
            } else if case .string(let text) = part {
                key = text
            } else {
                key = part.text(isPretty: false)
            }
        }
        return .init(key, found)
    }

    // MARK: Well-known messages

    private mutating func wrapper(_ bytes: [UInt8], _ range: Range<Int>, _ message: MessageSchema) -> JSONValue {
        var found = defaultValue(message.fields[0].type)
        var reader = WireReader(bytes, range)
        while let wire = reader.next() {
            if wire.number == 1 { found = one(bytes, wire, message.fields[0].type) }
        }
        return found
    }

    private func time(_ bytes: [UInt8], _ range: Range<Int>) -> (seconds: Int64, nanos: Int32) {
        var seconds: Int64 = 0
        var nanos: Int32 = 0
        var reader = WireReader(bytes, range)
        while let wire = reader.next() {
            if wire.number == 1 { seconds = Int64(bitPattern: wire.scalar) }
            if wire.number == 2 { nanos = Int32(truncatingIfNeeded: wire.scalar) }
        }
        return (seconds, nanos)
    }

    /// RFC 3339 in UTC, with no decimals, or three, six or nine.
    private static func timestamp(seconds: Int64, nanos: Int32) -> String {
        var clock = time_t(seconds)
        var parts = tm()
        guard gmtime_r(&clock, &parts) != nil else { return "" }
        func padded(_ value: Int32, _ width: Int) -> String {
            let digits = "\(value)"
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = "\(padded(parts.tm_year + 1900, 4))-\(padded(parts.tm_mon + 1, 2))-\(padded(parts.tm_mday, 2))"
        let time = "\(padded(parts.tm_hour, 2)):\(padded(parts.tm_min, 2)):\(padded(parts.tm_sec, 2))"
        let fraction = DurationText.format(seconds: 0, nanos: nanos).dropFirst().dropLast()
        return date + "T" + time + fraction + "Z"
    }

    private mutating func any(_ bytes: [UInt8], _ range: Range<Int>) -> JSONValue {
        var url = ""
        var content = 0..<0
        var reader = WireReader(bytes, range)
        while let wire = reader.next() {
            if wire.number == 1, wire.type == .lengthDelimited { url = reader.string(wire) }
            if wire.number == 2, wire.type == .lengthDelimited { content = wire.range }
        }
        if url.isEmpty { return .object([]) }
        let type = JSONValue.Member("@type", .string(url))
        let name = String(url[(url.lastIndex(of: "/").map(url.index(after:)) ?? url.startIndex)...])
        guard let known = schema.message(named: name) else {
            return .object([type, .init("value", .string(Data(bytes[content]).base64EncodedString()))])
        }
        if known.kind == .none {
            if case .object(let members) = message(bytes, content, known) { return .object([type] + members) }
            return .object([type])
        }
        return .object([type, .init("value", message(bytes, content, known))])
    }

    private mutating func structure(_ bytes: [UInt8], _ range: Range<Int>) -> JSONValue {
        var members: [JSONValue.Member] = []
        var reader = WireReader(bytes, range)
        while let wire = reader.next() {
            var key = ""
            var found: JSONValue = .null
            var entry = WireReader(bytes, wire.range)
            while let part = entry.next() {
                if part.number == 1 { key = entry.string(part) }
                if part.number == 2 { found = value(bytes, part.range) }
            }
            members.append(.init(key, found))
        }
        return .object(members.sorted { $0.key < $1.key })
    }

    private mutating func value(_ bytes: [UInt8], _ range: Range<Int>) -> JSONValue {
        guard depth < Self.maxDepth else { return .null }
        depth += 1
        defer { depth -= 1 }
        var found: JSONValue = .null
        var reader = WireReader(bytes, range)
        while let wire = reader.next() {
            switch wire.number {
            case 2: found = .number(Double(bitPattern: wire.scalar))
            case 3: found = .string(reader.string(wire))
            case 4: found = .bool(wire.scalar != 0)
            case 5: found = structure(bytes, wire.range)
            case 6:
                var items: [JSONValue] = []
                var list = WireReader(bytes, wire.range)
                while let item = list.next() { items.append(value(bytes, item.range)) }
                found = .array(items)
            default: found = .null
            }
        }
        return found
    }
}
