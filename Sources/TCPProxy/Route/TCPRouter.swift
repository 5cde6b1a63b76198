// Which cluster a connection goes to.

import Core

/// A pure decision over configuration: a name, or a draw between weighted names.
struct TCPRouter: Sendable {
    struct Target: Sendable {
        var cluster: String
        var weight: UInt64
        /// What the host must carry under `envoy.lb`; the route's own criteria merged with the entry's.
        var metadataMatch: MetadataMatchCriteria?
    }

    private let targets: [Target]
    private let totalWeight: UInt64
    /// Whether any target asks for metadata.
    let matchesMetadata: Bool

    /// - Parameter targets: at least one, each of weight 1 or more.
    init(_ targets: [Target]) {
        self.targets = targets
        totalWeight = targets.reduce(0) { $0 + $1.weight }
        matchesMetadata = targets.contains { $0.metadataMatch != nil }
    }

    var all: [Target] { targets }

    /// The position of the chosen target. `draw` is a uniform random number.
    func choose(draw: UInt64) -> Int {
        if targets.count == 1 { return 0 }
        var point = draw % totalWeight
        for (index, target) in targets.enumerated() {
            if point < target.weight { return index }
            point -= target.weight
        }
        return targets.count - 1
    }
}
