// What an unquoted or quoted YAML scalar means, by the rules that Envoy's reader applies before the value meets the
// field's type: truth words and 32-bit integers are typed, every other scalar is a string (0.5 and 5s too).

/// A scalar's meaning.
enum ScalarValue: Equatable {
    case null
    case bool(Bool)
    case number(Int64)
    /// A number of a JSON file that is not an integer of 32 bits, as its text.
    case decimal(String)
    case string(String)

    /// - Parameter isJSON: whether the file is JSON, where other numbers stay numbers.
    init(_ tree: YAMLTree, _ node: Int32, isJSON: Bool) {
        if tree.nodes[Int(node)].kind == .quotedScalar {
            self = .string(tree.string(node))
            return
        }
        if tree.isNull(node) {
            self = .null
            return
        }
        let text = tree.string(node)
        if let truth = Self.truthWord(text) {
            self = .bool(truth)
        } else if let value = Self.integer(text) {
            let fits = value >= Int64(Int32.min) && value <= Int64(Int32.max)
            self = fits ? .number(value) : isJSON ? .decimal(text) : .string(String(value))
        } else if isJSON, NumberText.decimal(text) != nil {
            self = .decimal(text)
        } else {
            self = .string(text)
        }
    }

    /// y, yes, true, on and their opposites: in lower case, in upper case or capitalized.
    private static func truthWord(_ text: String) -> Bool? {
        guard text.utf8.count <= 5 else { return nil }
        let lower = text.lowercased()
        guard text == lower || text == text.uppercased() || text == lower.prefix(1).uppercased() + lower.dropFirst()
        else { return nil }
        switch lower {
        case "y", "yes", "true", "on": return true
        case "n", "no", "false", "off": return false
        default: return nil
        }
    }

    /// Decimal, 0x… and, as in YAML 1.1 and C, 0… for octal.
    private static func integer(_ text: String) -> Int64? {
        var digits = Substring(text)
        var isNegative = false
        if let sign = digits.first, sign == "-" || sign == "+" {
            isNegative = sign == "-"
            digits = digits.dropFirst()
        }
        guard let first = digits.utf8.first, first >= UInt8(ascii: "0"), first <= UInt8(ascii: "9") else { return nil }
        var radix = 10
        if digits.hasPrefix("0x") || digits.hasPrefix("0X") {
            digits = digits.dropFirst(2)
            radix = 16
        } else if digits.utf8.count > 1, digits.hasPrefix("0") {
            radix = 8
        }
        guard let first = digits.first, first != "-", first != "+" else { return nil }
        return Int64((isNegative ? "-" : "") + digits, radix: radix)
    }

    /// As written, for messages to people.
    var found: String {
        switch self {
        case .null: return "null"
        case .bool(let value): return "\(value)"
        case .number(let value): return "\(value)"
        case .decimal(let text): return text
        case .string(let text):
            let short = text.count > 60 ? String(text.prefix(60)) + "…" : text
            return "\"" + short.replacing("\n", with: "\\n") + "\""
        }
    }
}

/// Numbers written as text.
enum NumberText {
    enum Integer: Equatable {
        case value(negative: Bool, magnitude: UInt64)
        case notIntegral
        case tooLarge
        case notNumber
    }

    /// An integer for an integer field: digits, hexadecimal, or a decimal form whose value is integral (80.0, 1e3).
    static func integer(_ text: String) -> Integer {
        var digits = Substring(text)
        var isNegative = false
        if digits.hasPrefix("-") {
            isNegative = true
            digits = digits.dropFirst()
        } else if digits.hasPrefix("+") {
            digits = digits.dropFirst()
        }
        if digits.hasPrefix("0x") || digits.hasPrefix("0X") {
            let hex = digits.dropFirst(2)
            guard !hex.isEmpty, hex.allSatisfy({ $0.isASCII && $0.isHexDigit }) else { return .notNumber }
            guard let value = UInt64(hex, radix: 16) else { return .tooLarge }
            return .value(negative: isNegative, magnitude: value)
        }
        if !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) {
            guard let value = UInt64(digits) else { return .tooLarge }
            return .value(negative: isNegative, magnitude: value)
        }
        guard let value = decimal(text) else { return .notNumber }
        guard value.rounded(.towardZero) == value else { return .notIntegral }
        guard value.magnitude < 18_446_744_073_709_551_616 else { return .tooLarge }
        return .value(negative: value < 0, magnitude: UInt64(value.magnitude))
    }

    /// A decimal number: optional sign, digits, optional fraction and exponent. No spaces, no "inf".
    static func decimal(_ text: String) -> Double? {
        var digits = 0
        for byte in text.utf8 {
            switch byte {
            case 48...57: digits += 1
            case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "e"), UInt8(ascii: "E"): break
            default: return nil
            }
        }
        guard digits > 0, text.utf8.first != UInt8(ascii: "e"), text.utf8.first != UInt8(ascii: "E") else { return nil }
        guard let value = Double(text), value.isFinite else { return nil }
        return value
    }
}
