// A JSON tree in the order in which it was built, with the layout that protobuf's printer has in Envoy.

/// One JSON value.
package indirect enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    /// A number as it will be written.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([Member])

    /// One member of an object.
    package struct Member: Sendable, Equatable {
        package var key: String
        package var value: JSONValue

        package init(_ key: String, _ value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    package static func number(_ value: Double) -> JSONValue {
        if value.isNaN { return .string("NaN") }
        if value.isInfinite { return .string(value < 0 ? "-Infinity" : "Infinity") }
        if value == value.rounded(), value.magnitude < 1e15 { return .number("\(Int64(value))") }
        return .number("\(value)")
    }

    package subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    /// The text; pretty has one space per level and a line per member.
    package func text(isPretty: Bool = true) -> String {
        var out = ""
        write(&out, isPretty ? 0 : nil)
        return out
    }

    private func write(_ out: inout String, _ level: Int?) {
        func newLine(_ level: Int?) {
            if let level { out += "\n" + String(repeating: " ", count: level) }
        }
        let inner = level.map { $0 + 1 }
        switch self {
        case .null: out += "null"
        case .bool(let value): out += value ? "true" : "false"
        case .number(let text): out += text
        case .string(let text): Self.quote(text, &out)
        case .array(let items):
            out += "["
            for (index, item) in items.enumerated() {
                if index > 0 { out += "," }
                newLine(inner)
                item.write(&out, inner)
            }
            if !items.isEmpty { newLine(level) }
            out += "]"
        case .object(let members):
            out += "{"
            for (index, member) in members.enumerated() {
                if index > 0 { out += "," }
                newLine(inner)
                Self.quote(member.key, &out)
                out += level == nil ? ":" : ": "
                member.value.write(&out, inner)
            }
            if !members.isEmpty { newLine(level) }
            out += "}"
        }
    }

    /// Angle brackets are escaped as Envoy does, so that the text may stand in a page.
    private static func quote(_ text: String, _ out: inout String) {
        out += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case "\u{8}": out += "\\b"
            case "\u{C}": out += "\\f"
            case "<", ">", "\u{0}"..."\u{1F}", "\u{7F}", "\u{2028}", "\u{2029}":
                let hex = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        out += "\""
    }

    /// Keeps the members on the given field mask paths (`a.b,c`); an empty mask keeps everything. `@type` always stays.
    package func trimmed(to mask: String) -> JSONValue {
        let paths = mask.split(separator: ",").map { $0.split(separator: ".").map(String.init) }.filter { !$0.isEmpty }
        return paths.isEmpty ? self : trimmed(paths[...].map { $0[...] })
    }

    private func trimmed(_ paths: [ArraySlice<String>]) -> JSONValue {
        switch self {
        case .array(let items): return .array(items.map { $0.trimmed(paths) })
        case .object(let members):
            return .object(
                members.compactMap { member in
                    if member.key == "@type" { return member }
                    let below = paths.filter { $0.first == member.key }.map { $0.dropFirst() }
                    guard !below.isEmpty else { return nil }
                    if below.contains(where: \.isEmpty) { return member }
                    return Member(member.key, member.value.trimmed(below))
                })
        default: return self
        }
    }
}
