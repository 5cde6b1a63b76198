/// A prefix plus a set of stats: `cluster.foo.` with ``ClusterStat``. Made by ``StatsStore/scope(prefix:of:)``.
///
/// Copies share one registration. The registration, and with it every thread's cells, lives as long as a copy does:
/// whoever keeps a ``StatBlock`` keeps the scope beside it.
public struct StatScope<Key: StatKey>: Sendable {
    let registration: StatRegistration

    /// With the final dot.
    public var prefix: String { registration.record.prefix }
}

/// The life of a scope: when the last copy goes, on whatever thread, the store is told to take the cells back.
final class StatRegistration: Sendable {
    let record: StatRecord
    private let graveyard: StatGraveyard

    init(record: StatRecord, graveyard: StatGraveyard) {
        self.record = record
        self.graveyard = graveyard
    }

    deinit { graveyard.bury(record) }
}
