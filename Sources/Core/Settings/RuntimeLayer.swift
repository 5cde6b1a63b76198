// One layer of the runtime: a name and its entries, with nested keys joined by dots.

import SwiftProtobuf

/// The entries of one layer. Immutable but for the admin layer, which ``RuntimeStore`` rewrites.
struct RuntimeLayer: Sendable {
    var name: String
    var isAdmin = false
    var values: [String: RuntimeValue] = [:]

    init(name: String, isAdmin: Bool = false) {
        self.name = name
        self.isAdmin = isAdmin
    }

    /// A static layer. What cannot be an entry is reported with its place inside the structure and left out.
    init(name: String, structure: Google_Protobuf_Struct, problems: inout ProblemCollector, path: String) {
        self.name = name
        // In order, so that `a.b` beside `a: {b: …}` is decided the same at every load: the later key stays.
        for key in structure.fields.keys.sorted() {
            guard let value = structure.fields[key] else { continue }
            add(key, value, &problems, "\(path).\(key)", depth: 0)
        }
    }

    /// Deeper structures than this are refused, not followed.
    private static let maxDepth = 16

    private mutating func add(
        _ key: String, _ value: Google_Protobuf_Value, _ problems: inout ProblemCollector, _ path: String, depth: Int
    ) {
        switch value.kind {
        case .stringValue(let text): values[key] = RuntimeValue(text)
        case .numberValue(let number): values[key] = RuntimeValue(number)
        case .boolValue(let flag): values[key] = RuntimeValue(flag)
        case .structValue(let structure):
            let fields = structure.fields
            if fields["numerator"] != nil || fields["denominator"] != nil {
                if let percent = RuntimeLayer.fraction(fields) {
                    values[key] = RuntimeValue(percent)
                } else {
                    problems.add("is no fraction: numerator and denominator (HUNDRED, TEN_THOUSAND, MILLION)", at: path)
                }
                return
            }
            if depth >= RuntimeLayer.maxDepth {
                problems.add("nests deeper than \(RuntimeLayer.maxDepth) levels", at: path)
                return
            }
            for inner in fields.keys.sorted() {
                guard let next = fields[inner] else { continue }
                add("\(key).\(inner)", next, &problems, "\(path).\(inner)", depth: depth + 1)
            }
        case .listValue: problems.add("a list is no runtime value", at: path)
        case .nullValue, nil: problems.add("null is no runtime value", at: path)
        }
    }

    private static func fraction(_ fields: [String: Google_Protobuf_Value]) -> FractionalPercent? {
        guard fields.keys.allSatisfy({ $0 == "numerator" || $0 == "denominator" }) else { return nil }
        var percent = FractionalPercent(0)
        if let numerator = fields["numerator"] {
            guard let number = UInt32(exactly: numerator.numberValue) else { return nil }
            percent.numerator = number
        }
        switch fields["denominator"]?.kind {
        case nil: break
        case .stringValue(let name)?:
            guard let known = RuntimeValue.denominator(name) else { return nil }
            percent.denominator = known
        case .numberValue(let number)?:
            guard let whole = Int(exactly: number), let known = RuntimeValue.denominator(String(whole)) else {
                return nil
            }
            percent.denominator = known
        default: return nil
        }
        return percent
    }
}
