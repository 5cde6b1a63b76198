/// A set of stats declared as an enum, so that a call site reads well and cannot name a stat of another set:
///
///     enum EchoStat: Int, StatKey {
///         case connectionsTotal, connectionsActive
///         var definition: StatDefinition {
///             switch self {
///             case .connectionsTotal: .counter("cx_total")
///             case .connectionsActive: .gauge("cx_active")
///             }
///         }
///     }
///     block.add(.connectionsTotal)
///
/// Raw values are the default ones (0, 1, 2 …): the case's place is its cell. ``StatLayout`` checks it.
public protocol StatKey: CaseIterable, RawRepresentable, Hashable, Sendable where RawValue == Int {
    var definition: StatDefinition { get }
}

extension StatKey {
    /// The case's ordinal, read from the value's own bits: a derived `rawValue` may be an out-of-line switch when
    /// the enum lives in another module. Enums without payload number their cases in order of declaration.
    @inlinable @inline(__always)
    public var cellIndex: Int {
        switch MemoryLayout<Self>.size {
        case 1: Int(unsafeBitCast(self, to: UInt8.self))
        case 2: Int(unsafeBitCast(self, to: UInt16.self))
        default: rawValue
        }
    }
}
