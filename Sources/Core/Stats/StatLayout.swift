/// The ordered definitions of a set of stats, shared by every scope that has them: 5,000 clusters hold one layout.
public final class StatLayout: Sendable {
    public let definitions: [StatDefinition]
    /// Indices in the order of the names' bytes, for sorted output.
    let sortedIndices: [Int]
    let histogramIndices: [Int]

    public init<Key: StatKey>(_: Key.Type) {
        definitions = Key.allCases.enumerated().map { index, key in
            precondition(
                key.rawValue == index && key.cellIndex == index, "A StatKey's raw values are 0, 1, 2 … in order.")
            return key.definition
        }
        sortedIndices = Self.sorted(definitions)
        histogramIndices = definitions.indices.filter { [definitions] in definitions[$0].kind == .histogram }
    }

    private static func sorted(_ definitions: [StatDefinition]) -> [Int] {
        definitions.indices.sorted { definitions[$0].name.utf8.lexicographicallyPrecedes(definitions[$1].name.utf8) }
    }
}
