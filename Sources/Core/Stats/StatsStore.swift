/// Every stat of the process: hands out scopes and the threads' cells, and reads them on the main thread.
///
/// Scopes may be asked for on any thread (under a lock, so at configuration time or on first use of a dynamic name);
/// reading, flushing and resetting belong to the main thread.
public final class StatsStore: Sendable {
    struct Registry: Sendable {
        /// By scope id; nil where an id waits to be used again.
        var records: [StatRecord?] = []
        var freeIDs: [Int] = []
        var byName: [ScopeName: WeakRegistration] = [:]
        var layouts: [ObjectIdentifier: StatLayout] = [:]
        var workers: [WorkerCells] = []
    }

    /// Two scopes of one prefix and one layout are one scope.
    struct ScopeName: Hashable, Sendable {
        let prefix: String
        let layout: ObjectIdentifier
    }

    struct WeakRegistration: Sendable {
        weak let registration: StatRegistration?
    }

    public let config: StatsConfig
    let registry: Locked<Registry>
    let graveyard = StatGraveyard()

    public init(config: StatsConfig = StatsConfig()) {
        self.config = config
        registry = Locked(Registry())
    }

    deinit {
        // Scopes may outlive the store in tests; their cells do not.
        let (records, workers) = registry.withLock { ($0.records.compactMap { $0 }, $0.workers) }
        for worker in workers {
            worker.condemn(records)
            worker.collect()
            worker.freeOutgrown()
        }
    }

    // MARK: Scopes and threads

    /// The scope of `prefix` (with its final dot: `cluster.foo.`) and the stats of `Key`; the existing one if a copy
    /// of it is alive. `tags` join those extracted from the names and are taken from the first caller.
    public func scope<Key: StatKey>(
        prefix: String, of _: Key.Type = Key.self, tags: [StatTag] = []
    ) -> StatScope<Key> {
        // Taken out before the lock goes: the last reference to a dying scope must not go under it.
        let registration = registry.withLock { registry in
            let key = ObjectIdentifier(Key.self)
            let layout: StatLayout
            if let known = registry.layouts[key] {
                layout = known
            } else {
                layout = StatLayout(Key.self)
                registry.layouts[key] = layout
            }
            let name = ScopeName(prefix: prefix, layout: key)
            if let alive = registry.byName[name]?.registration { return alive }
            let id = registry.freeIDs.popLast() ?? registry.records.count
            let record = StatRecord(
                id: id, prefix: prefix, layout: layout, key: key, fixedTags: tags,
                rejected: config.rejection(prefix: prefix, layout: layout))
            let registration = StatRegistration(record: record, graveyard: graveyard)
            if id == registry.records.count { registry.records.append(record) } else { registry.records[id] = record }
            registry.byName[name] = WeakRegistration(registration: registration)
            return registration
        }
        return StatScope(registration: registration)
    }

    /// Cells for one more thread.
    public func makeWorker(name: String) -> WorkerStats {
        let cells = WorkerCells(name: name)
        registry.withLock { $0.workers.append(cells) }
        return WorkerStats(cells: cells)
    }

    // MARK: Main thread

    /// Takes back ids and cells of scopes that nobody holds. Main thread.
    func reap() {
        let dead = graveyard.takeAll()
        guard !dead.isEmpty else { return }
        for worker in workers { worker.condemn(dead) }
        registry.withLock { registry in
            for record in dead {
                registry.records[record.id] = nil
                registry.freeIDs.append(record.id)
                let name = ScopeName(prefix: record.prefix, layout: record.key)
                // A new scope of the same name may have been made in between.
                if registry.byName[name]?.registration == nil { registry.byName[name] = nil }
            }
        }
    }

    var workers: [WorkerCells] { registry.withLock { $0.workers } }

    /// The live scopes. Main thread.
    func liveRecords() -> [StatRecord] {
        reap()
        return registry.withLock { $0.records.compactMap { $0 } }
    }
}
