// Applies the validation rules of the descriptor set to a message in wire form. Files and messages from a control
// plane go through the same code; positions are added afterwards from the path.
import ConfigAPI
package import SwiftProtobuf

/// Checks one message and everything inside it, `Any`s of known types included.
package struct RuleChecker {
    static let maxDepth = 120
    static let maxProblems = 200
    /// What `--skip-deprecated-logs` silences.
    static let deprecatedText = "deprecated in Envoy"

    private let schema = Schema.shared
    private var path: ConfigPath
    private var problems: [ConfigProblem] = []
    private var depth = 0

    private init(path: ConfigPath) {
        self.path = path
    }

    /// The problems of a serialized message; their paths start with `path`.
    package static func check(_ bytes: [UInt8], messageName: String, path: String = "") -> [ConfigProblem] {
        var checker = RuleChecker(path: ConfigPath(path))
        guard let message = checker.schema.message(named: messageName) else {
            return [ConfigProblem(path: path, text: "unknown type \(messageName)")]
        }
        checker.check(bytes, 0..<bytes.count, message)
        return checker.problems
    }

    /// The problems of a message.
    package static func check(_ message: some Message, path: String = "") -> [ConfigProblem] {
        guard let bytes: [UInt8] = try? message.serializedBytes(partial: true) else {
            return [ConfigProblem(path: path, text: "the message cannot be serialized")]
        }
        return check(bytes, messageName: type(of: message).protoMessageName, path: path)
    }

    // MARK: Messages

    private mutating func check(_ bytes: [UInt8], _ range: Range<Int>, _ message: MessageSchema) {
        guard depth < Self.maxDepth else {
            report("nested too deeply", allowed: "\(Self.maxDepth) levels")
            return
        }
        depth += 1
        defer { depth -= 1 }
        var counts = [Int](repeating: 0, count: message.fields.count)
        var seen: [Int: Set<[UInt8]>] = [:]
        var reader = WireReader(bytes, range)
        while let wire = reader.next() {
            guard let index = message.indexByNumber[wire.number] else {
                unknown(wire.number, message)
                continue
            }
            let field = message.fields[index]
            path.steps.append(.field(field.name))
            if wire.type == .lengthDelimited, field.isRepeated, field.type.wireType != .lengthDelimited {
                packed(bytes, wire.range, field, &counts[index])
            } else if wire.type != field.type.wireType {
                report("has the wrong wire type")
            } else {
                if field.isRepeated && !field.isMap { path.steps.append(.index(counts[index])) }
                value(bytes, wire, field)
                if field.isRepeated && !field.isMap { path.steps.removeLast() }
                if let rules = field.rules, rules.hasList, rules.list.unique {
                    let item = wire.type == .lengthDelimited ? Array(bytes[wire.range]) : Self.bytes(of: wire.scalar)
                    if !seen[index, default: []].insert(item).inserted {
                        report("the items must differ from each other")
                    }
                }
            }
            path.steps.removeLast()
            counts[index] += 1
        }
        if reader.isBroken { report("the message is not well-formed") }
        for (index, field) in message.fields.enumerated() {
            if counts[index] > 0 && field.isDeprecated {
                at(field) { $0.report(Self.deprecatedText, severity: .warning) }
            }
            guard let rules = field.rules else { continue }
            at(field) { $0.checkCount(counts[index], rules, field) }
        }
        for group in message.oneofs where group.isRequired && group.members.allSatisfy({ counts[$0] == 0 }) {
            let names = group.members.map { message.fields[$0].name }
            report(names.count == 1 ? "\(names[0]) is required" : "one of \(names.joined(separator: ", ")) is required")
        }
    }

    private static func bytes(of scalar: UInt64) -> [UInt8] {
        var writer = WireWriter()
        writer.varint(scalar)
        return writer.bytes
    }

    private mutating func at(_ field: FieldSchema, _ body: (inout Self) -> Void) {
        path.steps.append(.field(field.name))
        body(&self)
        path.steps.removeLast()
    }

    private mutating func unknown(_ number: Int, _ message: MessageSchema) {
        if message.isReserved(number: number) {
            report("field \(number) of Envoy's \(message.fullName) is not honoured by Sluice yet")
        } else {
            report("unknown field \(number) in \(message.fullName)")
        }
    }

    /// Rules about presence, for a field that occurred `count` times.
    private mutating func checkCount(_ count: Int, _ rules: Sluice_Validate_V1_FieldRules, _ field: FieldSchema) {
        if field.isMap {
            if rules.hasMap, rules.map.hasMinPairs, count < rules.map.minPairs {
                report("needs at least \(rules.map.minPairs) entries", found: "\(count)")
            }
        } else if field.isRepeated {
            guard rules.hasList else { return }
            if rules.list.hasMinItems, count < rules.list.minItems {
                report(count == 0 ? "is required" : "needs at least \(rules.list.minItems) items")
            }
            if rules.list.hasMaxItems, count > rules.list.maxItems {
                report("takes at most \(rules.list.maxItems) items", found: "\(count)")
            }
        } else if count == 0 {
            // In a choice group the rule binds only the member that was chosen.
            if rules.required, field.oneof == nil {
                report("is required")
            } else if !field.hasPresence, !rules.ignoreEmpty {
                unsetScalar(field, rules)
            }
        }
    }

    private mutating func unsetScalar(_ field: FieldSchema, _ rules: Sluice_Validate_V1_FieldRules) {
        switch field.type {
        case .string, .bytes:
            if rules.hasString, rules.string.hasMinLen, rules.string.minLen > 0 {
                report("is required and must not be empty")
            } else if rules.hasString {
                text("", rules)
            }
        case .enumeration(let index): enumeration(0, rules, schema.enums[index])
        case .message: break
        default: number(0, rules)
        }
    }

    // MARK: Values

    private mutating func packed(_ bytes: [UInt8], _ range: Range<Int>, _ field: FieldSchema, _ count: inout Int) {
        var reader = WireReader(bytes, range)
        var seen: Set<UInt64> = []
        let isUnique = field.rules.map { $0.hasList && $0.list.unique } ?? false
        while reader.position < reader.end {
            guard let scalar = reader.scalar(field.type.wireType) else {
                report("the message is not well-formed")
                break
            }
            path.steps.append(.index(count))
            self.scalar(scalar, field.type, itemRules(field))
            if isUnique, !seen.insert(scalar).inserted { report("the items must differ from each other") }
            path.steps.removeLast()
            count += 1
        }
        // The caller counts one more for the field itself.
        count -= 1
    }

    private func itemRules(_ field: FieldSchema) -> Sluice_Validate_V1_FieldRules? {
        guard let rules = field.rules else { return nil }
        guard field.isRepeated else { return rules }
        return rules.hasList && rules.list.hasItems ? rules.list.items : nil
    }

    private mutating func value(_ bytes: [UInt8], _ wire: WireReader.Field, _ field: FieldSchema) {
        if field.isMap, case .message(let index) = field.type {
            mapEntry(bytes, wire.range, schema.messages[index], field.rules)
        } else {
            value(bytes, wire, field, itemRules(field))
        }
    }

    /// Checks one value against rules that may stand elsewhere: those of a wrapper are beside the field that holds it.
    private mutating func value(
        _ bytes: [UInt8], _ wire: WireReader.Field, _ field: FieldSchema, _ rules: Sluice_Validate_V1_FieldRules?
    ) {
        switch field.type {
        case .message(let index):
            nested(bytes, wire.range, schema.messages[index], rules)
        case .string:
            if let rules { text(String(decoding: bytes[wire.range], as: UTF8.self), rules) }
        case .bytes:
            if let rules, rules.hasString { length(wire.range.count, rules.string, unit: "bytes") }
        default: scalar(wire.scalar, field.type, rules)
        }
    }

    private mutating func mapEntry(
        _ bytes: [UInt8], _ range: Range<Int>, _ entry: MessageSchema, _ rules: Sluice_Validate_V1_FieldRules?
    ) {
        guard entry.fields.count == 2 else { return }
        var key = ""
        var found: WireReader.Field?
        var reader = WireReader(bytes, range)
        while let wire = reader.next() {
            if wire.number == 1 {
                key = wire.type == .lengthDelimited ? reader.string(wire) : "\(wire.scalar)"
            } else if wire.number == 2 {
                found = wire
            }
        }
        path.steps.append(.key(key))
        defer { path.steps.removeLast() }
        if let rules, rules.hasMap, rules.map.hasKeys { text(key, rules.map.keys) }
        guard let found, found.type == entry.fields[1].type.wireType else { return }
        value(bytes, found, entry.fields[1], rules.flatMap { $0.hasMap && $0.map.hasValues ? $0.map.values : nil })
    }

    private mutating func nested(
        _ bytes: [UInt8], _ range: Range<Int>, _ message: MessageSchema, _ rules: Sluice_Validate_V1_FieldRules?
    ) {
        switch message.kind {
        case .duration:
            var seconds: Int64 = 0
            var nanos: Int64 = 0
            var reader = WireReader(bytes, range)
            while let wire = reader.next() {
                if wire.number == 1 { seconds = Int64(bitPattern: wire.scalar) }
                if wire.number == 2 { nanos = Int64(bitPattern: wire.scalar) }
            }
            guard abs(nanos.clamped) < 1_000_000_000, seconds.magnitude <= UInt64(DurationText.maxSeconds),
                seconds == 0 || nanos == 0 || (seconds < 0) == (nanos < 0)
            else {
                report("not a valid duration", found: "\(seconds) seconds and \(nanos) nanoseconds")
                return
            }
            let found = DurationText.format(seconds: seconds, nanos: Int32(nanos))
            if seconds < 0 || nanos < 0 {
                report("a duration must not be negative", found: found)
            } else if let rules {
                number(Double(seconds) + Double(nanos) / 1e9, rules, found: found, unit: "s")
            }
        case .wrapper:
            guard let rules else { return }
            let field = message.fields[0]
            var reader = WireReader(bytes, range)
            var isSet = false
            while let wire = reader.next() {
                if wire.number == 1, wire.type == field.type.wireType {
                    value(bytes, wire, field, rules)
                    isSet = true
                }
            }
            if !isSet { unsetScalar(field, rules) }
        case .any:
            any(bytes, range)
        case .structure, .value, .list, .timestamp, .fieldMask:
            break
        case .none:
            check(bytes, range, message)
        }
    }

    private mutating func any(_ bytes: [UInt8], _ range: Range<Int>) {
        var url = ""
        var content = 0..<0
        var reader = WireReader(bytes, range)
        while let wire = reader.next() {
            if wire.number == 1, wire.type == .lengthDelimited { url = reader.string(wire) }
            if wire.number == 2, wire.type == .lengthDelimited { content = wire.range }
        }
        if url.isEmpty { return }
        let name = String(url[(url.lastIndex(of: "/").map(url.index(after:)) ?? url.startIndex)...])
        if let message = schema.message(named: name) {
            nested(bytes, content, message, nil)
        } else if EnvoyTypes.has(name) {
            report("Envoy has \(name), Sluice does not have it yet")
        } else {
            report("unknown type \(name)")
        }
    }

    private mutating func scalar(_ bits: UInt64, _ type: FieldType, _ rules: Sluice_Validate_V1_FieldRules?) {
        guard let rules else { return }
        switch type {
        case .enumeration(let index):
            enumeration(Int32(truncatingIfNeeded: bits), rules, schema.enums[index])
        case .double: number(Double(bitPattern: bits), rules)
        case .float: number(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))), rules)
        case .int32, .sfixed32: number(Double(Int32(truncatingIfNeeded: bits)), rules)
        case .int64, .sfixed64: number(Double(Int64(bitPattern: bits)), rules)
        case .sint32, .sint64: number(Double(Int64(bitPattern: bits >> 1) ^ -Int64(bitPattern: bits & 1)), rules)
        default: number(Double(bits), rules)
        }
    }

    // MARK: Rules

    private mutating func number(
        _ value: Double, _ rules: Sluice_Validate_V1_FieldRules, found: String? = nil, unit: String = ""
    ) {
        guard rules.hasNumber, !(rules.ignoreEmpty && value == 0) else { return }
        let rule = rules.number
        var isRight = true
        if rule.hasGt { isRight = isRight && value > rule.gt }
        if rule.hasGte { isRight = isRight && value >= rule.gte }
        if rule.hasLt { isRight = isRight && value < rule.lt }
        if rule.hasLte { isRight = isRight && value <= rule.lte }
        if !rule.in.isEmpty { isRight = isRight && rule.in.contains(value) }
        guard !isRight else { return }
        var allowed: [String] = []
        if rule.hasGt { allowed.append("more than \(Self.plain(rule.gt))\(unit)") }
        if rule.hasGte { allowed.append("at least \(Self.plain(rule.gte))\(unit)") }
        if rule.hasLt { allowed.append("less than \(Self.plain(rule.lt))\(unit)") }
        if rule.hasLte { allowed.append("at most \(Self.plain(rule.lte))\(unit)") }
        if !rule.in.isEmpty { allowed.append(rule.in.map(Self.plain).joined(separator: ", ")) }
        report("out of range", found: found ?? Self.plain(value), allowed: allowed.joined(separator: " and "))
    }

    private static func plain(_ value: Double) -> String {
        value == value.rounded() && value.magnitude < 1e15 ? "\(Int64(value))" : "\(value)"
    }

    private mutating func length(_ count: Int, _ rule: Sluice_Validate_V1_StringRules, unit: String) {
        if rule.hasMinLen, count < rule.minLen {
            report(count == 0 ? "must not be empty" : "too short: at least \(rule.minLen) \(unit)")
        }
        if rule.hasMaxLen, count > rule.maxLen {
            report("too long: at most \(rule.maxLen) \(unit)", found: "\(count)")
        }
    }

    private mutating func text(_ value: String, _ rules: Sluice_Validate_V1_FieldRules) {
        guard rules.hasString, !(rules.ignoreEmpty && value.isEmpty) else { return }
        let rule = rules.string
        length(value.unicodeScalars.count, rule, unit: "characters")
        if rule.hasMaxBytes, value.utf8.count > rule.maxBytes {
            report("too long: at most \(rule.maxBytes) bytes", found: "\(value.utf8.count)")
        }
        let shown = "\"\(value.prefix(60))\""
        if !rule.prefix.isEmpty, !value.hasPrefix(rule.prefix) {
            report("must start with \"\(rule.prefix)\"", found: shown)
        }
        if !rule.in.isEmpty, !rule.in.contains(value) {
            report("not allowed", found: shown, allowed: rule.in.joined(separator: ", "))
        }
        if rule.notIn.contains(value) { report("not allowed", found: shown) }
        switch rule.form {
        case .headerValue:
            if value.utf8.contains(where: { $0 == 0 || $0 == 10 || $0 == 13 }) {
                report("must not contain NUL, CR or LF", found: shown)
            }
        case .headerName:
            let name = value.hasPrefix(":") ? value.dropFirst() : Substring(value)
            if !value.isEmpty, name.isEmpty || !name.utf8.allSatisfy(Self.isTokenByte) {
                report("must be a header name", found: shown)
            }
        default: break
        }
    }

    /// RFC 9110 §5.6.2.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            return true
        default: return "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    private mutating func enumeration(
        _ number: Int32, _ rules: Sluice_Validate_V1_FieldRules, _ enumeration: EnumSchema
    ) {
        guard rules.hasEnum else { return }
        let rule = rules.enum
        var isRight = true
        if rule.definedOnly { isRight = isRight && enumeration.name(of: number) != nil }
        if !rule.in.isEmpty { isRight = isRight && rule.in.contains(number) }
        isRight = isRight && !rule.notIn.contains(number)
        guard !isRight else { return }
        let allowed = enumeration.values.filter {
            (rule.in.isEmpty || rule.in.contains($0.number)) && !rule.notIn.contains($0.number)
        }
        report(
            enumeration.isReserved(number)
                ? "a value of Envoy's \(enumeration.fullName) that Sluice does not honour yet"
                : "not an allowed value of \(enumeration.fullName)",
            found: enumeration.name(of: number) ?? "\(number)", allowed: allowed.map(\.name).joined(separator: ", "))
    }

    private mutating func report(
        _ text: String, found: String? = nil, allowed: String? = nil, severity: ConfigProblem.Severity = .error
    ) {
        guard problems.count < Self.maxProblems else { return }
        problems.append(
            ConfigProblem(severity: severity, path: path.description, found: found, allowed: allowed, text: text))
    }
}

extension Int64 {
    /// Far from the ends, so that `abs` cannot trap.
    fileprivate var clamped: Int64 { Swift.max(self, -.max) }
}
