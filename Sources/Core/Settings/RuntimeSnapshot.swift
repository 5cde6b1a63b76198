// The runtime as one thread sees it: all layers merged, immutable, with the number of its generation.

/// Runtime values by key. A value and cheap to copy; a change is a new snapshot, taken at the start of a turn.
///
/// - Cost: one string hash per question; keys that nobody set cost the same. An empty snapshot costs a comparison.
public struct RuntimeSnapshot: Sendable {
    public static let empty = RuntimeSnapshot(values: [:], generation: 0)

    public let generation: UInt64
    private let values: [String: RuntimeValue]

    init(values: [String: RuntimeValue], generation: UInt64) {
        self.values = values
        self.generation = generation
    }

    /// For tests and for programs without layers.
    public init(_ texts: [String: String], generation: UInt64 = 1) {
        self.init(values: texts.mapValues { RuntimeValue($0) }, generation: generation)
    }

    public var count: Int { values.count }

    /// All whole, not negative values whose keys begin with `prefix`.
    public func integers(below prefix: String) -> [String: UInt64] {
        var found: [String: UInt64] = [:]
        for (key, value) in values where key.hasPrefix(prefix) {
            if let number = value.integer { found[key] = UInt64(number) }
        }
        return found
    }

    /// Nil for a key that is not set, and always for an empty one.
    public func value(_ key: String) -> RuntimeValue? { values.isEmpty || key.isEmpty ? nil : values[key] }

    public func bool(_ key: String) -> Bool? { value(key)?.bool }
    /// Whole and not negative; nil for a value of another kind, so that the caller's default holds.
    public func integer(_ key: String) -> Int? { value(key)?.integer }
    public func double(_ key: String) -> Double? { value(key)?.double }
    public func text(_ key: String) -> String? { value(key)?.text }

    /// A fraction; an integer counts as a percentage, above 100 as always.
    public func fraction(_ key: String) -> FractionalPercent? {
        guard let value = value(key) else { return nil }
        if let fraction = value.fraction { return fraction }
        return value.integer.map { FractionalPercent(UInt32(min($0, 100))) }
    }
}
