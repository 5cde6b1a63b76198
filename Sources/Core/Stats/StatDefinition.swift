/// What one stat is: how its number behaves and how it is printed.
public enum StatKind: UInt8, Sendable {
    /// Only grows (until `/reset_counters`).
    case counter
    /// Rises and falls.
    case gauge
    /// A distribution of values.
    case histogram
}

/// The unit of a histogram's values.
public enum StatUnit: UInt8, Sendable {
    case unspecified, bytes, microseconds, milliseconds
    /// Recorded in millionths, printed as a fraction.
    case percent
}

/// How a gauge is joined with the parent's at a hot restart. Kept as data until hot restart arrives.
public enum StatImportMode: UInt8, Sendable {
    /// Added to the parent's value.
    case accumulate
    /// The child's value alone.
    case neverImport
}

/// One entry of a ``StatLayout``: a name below the scope's prefix, and what stands behind it.
public struct StatDefinition: Sendable, Equatable {
    /// Below the scope's prefix, without a leading dot: `downstream_cx_total`.
    public let name: String
    public let kind: StatKind
    public let unit: StatUnit
    public let importMode: StatImportMode

    public static func counter(_ name: String) -> StatDefinition {
        StatDefinition(name: name, kind: .counter, unit: .unspecified, importMode: .accumulate)
    }

    public static func gauge(_ name: String, _ importMode: StatImportMode = .accumulate) -> StatDefinition {
        StatDefinition(name: name, kind: .gauge, unit: .unspecified, importMode: importMode)
    }

    public static func histogram(_ name: String, _ unit: StatUnit) -> StatDefinition {
        StatDefinition(name: name, kind: .histogram, unit: unit, importMode: .accumulate)
    }
}
