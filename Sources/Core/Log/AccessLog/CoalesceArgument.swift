import SwiftProtobuf

/// The JSON in `%COALESCE({"operators":[…]})%`: operators to try in order, each a name or an object with `command`,
/// `param` and `max_length`.
enum CoalesceArgument {
    static func parse(_ text: String) throws(FormatParser.FormatProblem) -> [FormatStep] {
        guard let root = try? Google_Protobuf_Struct(jsonString: text) else {
            throw FormatParser.FormatProblem(text: "COALESCE takes a JSON object, not \(text)")
        }
        guard case .listValue(let list)? = root.fields["operators"]?.kind, !list.values.isEmpty else {
            throw FormatParser.FormatProblem(text: "COALESCE needs a list \"operators\" with at least one operator")
        }
        var steps: [FormatStep] = []
        for (index, value) in list.values.enumerated() {
            do throws(FormatParser.FormatProblem) {
                steps.append(try step(value))
            } catch {
                throw FormatParser.FormatProblem(text: "COALESCE: operators[\(index)]: \(error.text)")
            }
        }
        return steps
    }

    private static func step(_ value: Google_Protobuf_Value) throws(FormatParser.FormatProblem) -> FormatStep {
        switch value.kind {
        case .stringValue(let name)?: return try FormatParser.step(name: name, argument: nil, maxBytes: nil)
        case .structValue(let object)?:
            guard case .stringValue(let name)? = object.fields["command"]?.kind else {
                throw FormatParser.FormatProblem(text: "needs a string \"command\"")
            }
            var argument: String?
            if let param = object.fields["param"] {
                guard case .stringValue(let text)? = param.kind else {
                    throw FormatParser.FormatProblem(text: "\"param\" is a string")
                }
                argument = text
            }
            var maxBytes: Int?
            if let length = object.fields["max_length"] {
                guard case .numberValue(let number)? = length.kind, let whole = Int(exactly: number), whole >= 0 else {
                    throw FormatParser.FormatProblem(text: "\"max_length\" is a whole number of bytes")
                }
                maxBytes = whole
            }
            for key in object.fields.keys.sorted() where !["command", "param", "max_length"].contains(key) {
                throw FormatParser.FormatProblem(
                    text: "unknown member \"\(key)\"; command, param and max_length are known")
            }
            return try FormatParser.step(name: name, argument: argument, maxBytes: maxBytes)
        default: throw FormatParser.FormatProblem(text: "is an operator's name or an object")
        }
    }
}
