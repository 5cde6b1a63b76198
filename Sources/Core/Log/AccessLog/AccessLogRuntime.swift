/// What access-log filters ask of the runtime; nil where a key is not set.
public struct AccessLogRuntime: Sendable {
    let fraction: @Sendable (_ key: String) -> FractionalPercent?
    let number: @Sendable (_ key: String) -> UInt64?

    public init(
        fraction: @escaping @Sendable (_ key: String) -> FractionalPercent?,
        number: @escaping @Sendable (_ key: String) -> UInt64?
    ) {
        self.fraction = fraction
        self.number = number
    }

    /// No runtime: every key has its default.
    public static let none = AccessLogRuntime(fraction: { _ in nil }, number: { _ in nil })
}
