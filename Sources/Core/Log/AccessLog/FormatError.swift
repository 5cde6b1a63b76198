/// A format that cannot be compiled: what is wrong, and where in the format's bytes.
public struct FormatError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Bytes before the offending operator or character.
    public let offset: Int
    public let reason: String

    public init(offset: Int, reason: String) {
        self.offset = offset
        self.reason = reason
    }

    public var description: String { "\(reason) (at offset \(offset))" }
}
