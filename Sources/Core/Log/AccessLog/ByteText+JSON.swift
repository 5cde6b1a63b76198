/// JSON straight into a byte buffer.
extension [UInt8] {
    /// A quoted and escaped string.
    mutating func appendJSON(_ text: String) {
        append(UInt8(ascii: "\""))
        let start = count
        append(contentsOf: text.utf8)
        escapeJSON(from: start)
        append(UInt8(ascii: "\""))
    }

    /// Escapes in place what was written since `start`. Nearly all text needs nothing, and then costs one look.
    mutating func escapeJSON(from start: Int) {
        guard let first = self[start...].firstIndex(where: Self.needsEscape) else { return }
        let tail = Array(self[first...])
        removeSubrange(first...)
        for byte in tail {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                append(UInt8(ascii: "\\"))
                append(byte)
            case 8: append(contentsOf: "\\b".utf8)
            case 9: append(contentsOf: "\\t".utf8)
            case 10: append(contentsOf: "\\n".utf8)
            case 12: append(contentsOf: "\\f".utf8)
            case 13: append(contentsOf: "\\r".utf8)
            case 0..<32:
                append(contentsOf: "\\u00".utf8)
                append(Self.hexDigit(byte >> 4))
                append(Self.hexDigit(byte & 15))
            default: append(byte)
            }
        }
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 32 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private static func hexDigit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? nibble + UInt8(ascii: "0") : nibble - 10 + UInt8(ascii: "a")
    }

    /// Whole numbers without a fraction, others as short as they can be read back.
    mutating func appendJSON(_ number: Double) {
        if let whole = Int64(exactly: number) {
            appendDecimal(Int(whole))
        } else if number.isFinite {
            append(contentsOf: number.description.utf8)
        } else {
            append(contentsOf: "null".utf8)
        }
    }

    mutating func appendJSON(_ value: MetadataValue) {
        switch value {
        case .null: append(contentsOf: "null".utf8)
        case .number(let number): appendJSON(number)
        case .string(let text): appendJSON(text)
        case .bool(let flag): append(contentsOf: (flag ? "true" : "false").utf8)
        case .list(let values):
            append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { append(UInt8(ascii: ",")) }
                appendJSON(value)
            }
            append(UInt8(ascii: "]"))
        case .object(let members):
            append(UInt8(ascii: "{"))
            for (index, key) in members.keys.sorted().enumerated() {
                if index > 0 { append(UInt8(ascii: ",")) }
                appendJSON(key)
                append(UInt8(ascii: ":"))
                appendJSON(members[key] ?? .null)
            }
            append(UInt8(ascii: "}"))
        }
    }
}
