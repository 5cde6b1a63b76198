// From Envoy's configuration messages to compiled matchers.

public import ConfigAPI
import SwiftProtobuf

extension RE2Regex {
    public convenience init(_ message: Envoy_Type_Matcher_V3_RegexMatcher) throws(CompileFailure) {
        if message.regex.isEmpty { throw CompileFailure("must not be empty", at: "regex") }
        do throws(RegexError) {
            try self.init(message.regex)
        } catch {
            throw CompileFailure(error.description, at: "regex")
        }
        guard case .googleRe2(let engine)? = message.engineType, engine.hasMaxProgramSize else { return }
        if programSize > Int(engine.maxProgramSize.value) {
            throw CompileFailure(
                "the pattern's program size is \(programSize), above the \(engine.maxProgramSize.value) allowed here",
                at: "google_re2.max_program_size")
        }
    }
}

extension StringMatcher {
    public init(_ message: Envoy_Type_Matcher_V3_StringMatcher) throws(CompileFailure) {
        let pattern: Pattern
        switch message.matchPattern {
        case .exact(let text): pattern = .exact(text)
        case .prefix(let text): pattern = .prefix(try StringMatcher.notEmpty(text, "prefix"))
        case .suffix(let text): pattern = .suffix(try StringMatcher.notEmpty(text, "suffix"))
        case .contains(let text): pattern = .contains(try StringMatcher.notEmpty(text, "contains"))
        case .safeRegex(let regex):
            do throws(CompileFailure) {
                pattern = .regex(try RE2Regex(regex))
            } catch {
                throw error.inside("safe_regex")
            }
        case nil:
            throw CompileFailure("one of exact, prefix, suffix, contains or safe_regex is needed")
        }
        self.init(pattern, ignoresCase: message.ignoreCase)
    }

    private static func notEmpty(_ text: String, _ field: String) throws(CompileFailure) -> String {
        if text.isEmpty { throw CompileFailure("must not be empty", at: field) }
        return text
    }
}

extension DoubleMatcher {
    public init(_ message: Envoy_Type_Matcher_V3_DoubleMatcher) throws(CompileFailure) {
        switch message.matchPattern {
        case .range(let range): self = .range(start: range.start, end: range.end)
        case .exact(let number): self = .exact(number)
        case nil: throw CompileFailure("one of range or exact is needed")
        }
    }
}

extension ValueMatcher {
    public init(_ message: Envoy_Type_Matcher_V3_ValueMatcher) throws(CompileFailure) {
        switch message.matchPattern {
        case .nullMatch: self = .null
        case .boolMatch(let wanted): self = .bool(wanted)
        case .presentMatch(let wanted): self = .present(wanted)
        case .doubleMatch(let matcher):
            do { self = .double(try DoubleMatcher(matcher)) } catch { throw error.inside("double_match") }
        case .stringMatch(let matcher):
            do { self = .string(try StringMatcher(matcher)) } catch { throw error.inside("string_match") }
        case .listMatch(let list):
            do { self = .listHasOne(try ValueMatcher(list.oneOf)) } catch { throw error.inside("list_match.one_of") }
        case .orMatch(let or):
            var problems = ProblemCollector()
            if or.valueMatchers.count < 2 { problems.add("at least two are needed", at: "or_match.value_matchers") }
            var matchers: [ValueMatcher] = []
            for (index, one) in or.valueMatchers.enumerated() {
                let compiled = problems.attempt("or_match.value_matchers[\(index)]") { () throws(CompileFailure) in
                    try ValueMatcher(one)
                }
                if let compiled { matchers.append(compiled) }
            }
            try problems.throwIfAny()
            self = .any(matchers)
        case nil:
            throw CompileFailure(
                "one of null_match, double_match, string_match, bool_match, present_match, list_match or or_match is needed"
            )
        }
    }
}

extension MetadataMatcher {
    public init(_ message: Envoy_Type_Matcher_V3_MetadataMatcher) throws(CompileFailure) {
        var problems = ProblemCollector()
        if message.filter.isEmpty { problems.add("must not be empty", at: "filter") }
        if message.path.isEmpty { problems.add("at least one segment is needed", at: "path") }
        for (index, segment) in message.path.enumerated() where segment.key.isEmpty {
            problems.add("must not be empty", at: "path[\(index)].key")
        }
        if !message.hasValue { problems.add("is needed", at: "value") }
        try problems.throwIfAny()
        let value: ValueMatcher
        do { value = try ValueMatcher(message.value) } catch { throw error.inside("value") }
        self.init(filter: message.filter, path: message.path.map(\.key), value: value, inverts: message.invert)
    }
}

extension CIDRRange {
    /// An absent `prefix_len` is 0, as in Envoy: the whole family.
    public init(_ message: Envoy_Config_Core_V3_CidrRange) throws(CompileFailure) {
        try self.init(prefix: message.addressPrefix, bits: message.prefixLen.value)
    }

    public init(_ message: Xds_Core_V3_CidrRange) throws(CompileFailure) {
        try self.init(prefix: message.addressPrefix, bits: message.prefixLen.value)
    }

    private init(prefix: String, bits: UInt32) throws(CompileFailure) {
        if bits > 128 { throw CompileFailure("\(bits) is more than 128", at: "prefix_len") }
        guard let range = CIDRRange(address: prefix, prefixBits: Int(bits)) else {
            throw CompileFailure("\"\(prefix)\" with prefix_len \(bits) is not an address block", at: "address_prefix")
        }
        self = range
    }

    /// Compiles each element; all problems are reported.
    public static func list(
        _ messages: [Envoy_Config_Core_V3_CidrRange], field: String
    ) throws(CompileFailure) -> [CIDRRange] {
        var problems = ProblemCollector()
        var ranges: [CIDRRange] = []
        for (index, message) in messages.enumerated() {
            let range = problems.attempt("\(field)[\(index)]") { () throws(CompileFailure) in try CIDRRange(message) }
            if let range { ranges.append(range) }
        }
        try problems.throwIfAny()
        return ranges
    }
}

extension FractionalPercent {
    public init(_ message: Envoy_Type_V3_FractionalPercent) throws(CompileFailure) {
        switch message.denominator {
        case .hundred: self.init(message.numerator, outOf: .hundred)
        case .tenThousand: self.init(message.numerator, outOf: .tenThousand)
        case .million: self.init(message.numerator, outOf: .million)
        case .UNRECOGNIZED(let number):
            throw CompileFailure("\(number) is not one of HUNDRED, TEN_THOUSAND, MILLION", at: "denominator")
        }
    }
}
