// One runtime entry: its text, and every type that the text can be read as.

import SwiftProtobuf

/// A value of `layered_runtime`, parsed once when its layer is loaded.
///
/// A number is a double, an integer when it is whole and not negative, and a bool (not zero). The words true and false
/// are bools in any case. Text that is a number or such a word counts as one, as in Envoy. A fraction is written
/// `{numerator: 5, denominator: MILLION}`, in YAML or JSON, as a structure or as text.
public struct RuntimeValue: Equatable, Sendable {
    /// As `/runtime` prints it.
    public let text: String
    public private(set) var bool: Bool?
    public private(set) var integer: Int?
    public private(set) var double: Double?
    public private(set) var fraction: FractionalPercent?

    /// From text: an override by hand, or a string of a layer.
    public init(_ text: String) {
        self.text = text
        let trimmed = RuntimeValue.trim(text)
        if let number = RuntimeValue.number(trimmed) {
            set(number)
        } else if trimmed.lowercased() == "true" {
            bool = true
        } else if trimmed.lowercased() == "false" {
            bool = false
        } else {
            fraction = RuntimeValue.readFraction(trimmed)
        }
    }

    init(_ number: Double) {
        // 2, 1.5 and 1e+20, as Envoy prints them; a zero is "0.0" there.
        if let whole = Int64(exactly: number), abs(whole) < 1 << 53, whole != 0 {
            text = String(whole)
        } else {
            text = "\(number)"
        }
        set(number)
    }

    init(_ flag: Bool) {
        text = flag ? "true" : "false"
        bool = flag
    }

    init(_ percent: FractionalPercent) {
        let denominator =
            switch percent.denominator {
            case .hundred: "HUNDRED"
            case .tenThousand: "TEN_THOUSAND"
            case .million: "MILLION"
            }
        text = "{\"numerator\":\(percent.numerator),\"denominator\":\"\(denominator)\"}"
        fraction = percent
    }

    private mutating func set(_ number: Double) {
        double = number
        guard number >= 0, let whole = Int(exactly: number) else { return }
        integer = whole
        bool = whole != 0
    }

    private static func trim(_ text: String) -> String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\n" || $0 == "\r" }
        var rest = Substring(text)
        while let first = rest.first, isSpace(first) { rest.removeFirst() }
        while let last = rest.last, isSpace(last) { rest.removeLast() }
        return String(rest)
    }

    /// Decimal notation only: Swift would also read "0x10", "inf" and "nan".
    private static func number(_ text: String) -> Double? {
        guard let first = text.utf8.first, text.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }) else {
            return nil
        }
        guard first != UInt8(ascii: "e"), first != UInt8(ascii: "E") else { return nil }
        guard let number = Double(text), number.isFinite else { return nil }
        return number
    }

    /// Reads `{numerator: 5, denominator: MILLION}`, quoted or not; nil for anything else.
    private static func readFraction(_ text: String) -> FractionalPercent? {
        guard text.hasPrefix("{"), text.hasSuffix("}") else { return nil }
        var percent = FractionalPercent(0)
        var seen = 0
        for field in text.dropFirst().dropLast().split(separator: ",") {
            let parts = field.split(separator: ":").map { trim(String($0).filter { $0 != "\"" && $0 != "'" }) }
            guard parts.count == 2 else { return nil }
            switch parts[0] {
            case "numerator":
                guard let number = UInt32(parts[1]) else { return nil }
                percent.numerator = number
            case "denominator":
                guard let known = denominator(parts[1]) else { return nil }
                percent.denominator = known
            default:
                return nil
            }
            seen += 1
        }
        return seen > 0 ? percent : nil
    }

    static func denominator(_ name: String) -> FractionalPercent.Denominator? {
        switch name {
        case "HUNDRED", "0": .hundred
        case "TEN_THOUSAND", "1": .tenThousand
        case "MILLION", "2": .million
        default: nil
        }
    }
}
