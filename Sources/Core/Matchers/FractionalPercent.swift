// Envoy's FractionalPercent: a share of events, drawn with a random number that the caller brings.

/// `numerator` in a hundred, ten thousand or a million.
public struct FractionalPercent: Hashable, Sendable {
    public enum Denominator: UInt32, Sendable {
        case hundred = 100
        case tenThousand = 10_000
        case million = 1_000_000
    }

    public var numerator: UInt32
    public var denominator: Denominator

    public init(_ numerator: UInt32, outOf denominator: Denominator = .hundred) {
        self.numerator = numerator
        self.denominator = denominator
    }

    public static let always = FractionalPercent(100)
    public static let never = FractionalPercent(0)

    /// Whether `random`, uniform over 64 bits, falls into the share. A numerator above the denominator is always.
    @inlinable
    public func draw(_ random: UInt64) -> Bool { random % UInt64(denominator.rawValue) < UInt64(numerator) }
}
