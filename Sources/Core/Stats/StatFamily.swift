import Synchronization

/// Scopes whose names are learnt at run time (commands, collections), bounded: past `limit` names every new one
/// shares the overflow scope and is counted, so that a hostile peer cannot grow the process.
///
/// Sendable and locked; keep the scope it returns, or its block, rather than asking for each event.
public final class StatFamily<Key: StatKey>: Sendable {
    private let store: StatsStore
    private let prefix: String
    private let limit: Int
    private let scopes = Locked<[String: StatScope<Key>]>([:])
    private let overflow: StatScope<Key>
    private let overflowCount = Atomic<UInt64>(0)

    /// Names come out as `prefix` + name + `.` + stat. `overflowName` is what the rest is counted under.
    public init(
        store: StatsStore, prefix: String, of _: Key.Type = Key.self, limit: Int, overflowName: String = "other"
    ) {
        self.store = store
        self.prefix = prefix
        self.limit = limit
        overflow = store.scope(prefix: "\(prefix)\(overflowName).")
    }

    /// The scope of `name`, made at its first use; the overflow scope when the family is full.
    public func scope(named name: String) -> StatScope<Key> {
        scopes.withLock { scopes in
            if let found = scopes[name] { return found }
            guard scopes.count < limit else {
                overflowCount.add(1, ordering: .relaxed)
                return overflow
            }
            let made: StatScope<Key> = store.scope(prefix: "\(prefix)\(name).")
            scopes[name] = made
            return made
        }
    }

    /// How often a name found no place.
    public var overflows: UInt64 { overflowCount.load(ordering: .relaxed) }
}
