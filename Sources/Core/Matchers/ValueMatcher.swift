// Envoy's ValueMatcher: a test of one structured value.

/// A compiled test of a value, which may be absent.
///
/// Envoy's rules: `present(true)` holds for any value that is there, `present(false)` for one that is not; every other
/// test fails on an absent value. A list is matched by `listHasOne` only.
public indirect enum ValueMatcher: Sendable {
    case null
    case double(DoubleMatcher)
    case string(StringMatcher)
    case bool(Bool)
    case present(Bool)
    case listHasOne(ValueMatcher)
    case any([ValueMatcher])

    public func matches(_ value: MetadataValue?) -> Bool {
        switch self {
        case .present(let wanted):
            return (value != nil) == wanted
        case .any(let matchers):
            for matcher in matchers where matcher.matches(value) { return true }
            return false
        case .null:
            if case .null? = value { return true }
            return false
        case .double(let matcher):
            if case .number(let number)? = value { return matcher.matches(number) }
            return false
        case .string(let matcher):
            if case .string(let text)? = value { return matcher.matches(text) }
            return false
        case .bool(let wanted):
            if case .bool(let flag)? = value { return flag == wanted }
            return false
        case .listHasOne(let matcher):
            guard case .list(let elements)? = value else { return false }
            for element in elements where matcher.matches(element) { return true }
            return false
        }
    }
}
