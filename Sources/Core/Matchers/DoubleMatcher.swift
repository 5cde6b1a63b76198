// Envoy's DoubleMatcher: one number, or a half-open range.

/// A test of one number.
public enum DoubleMatcher: Equatable, Sendable {
    /// `start` is inside, `end` is not.
    case range(start: Double, end: Double)
    case exact(Double)

    public func matches(_ value: Double) -> Bool {
        switch self {
        case .range(let start, let end): start <= value && value < end
        case .exact(let number): number == value
        }
    }
}
