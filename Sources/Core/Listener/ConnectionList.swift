// The live downstream connections of one worker.

/// An intrusive list that owns its members: adding and removing is a few stores, and no allocation.
///
/// One retain per member, taken on insert and given back on removal. On the worker's thread only.
struct ConnectionList: ~Copyable {
    private var head: Unmanaged<DownstreamConnection>?
    private(set) var count = 0

    init() { head = nil }

    mutating func insert(_ connection: DownstreamConnection) {
        let member = Unmanaged.passRetained(connection)
        connection.nextInList = head
        connection.previousInList = nil
        head?._withUnsafeGuaranteedRef { $0.previousInList = member }
        head = member
        count += 1
    }

    /// Takes a member out. Its reference passes to the caller, who is likely to be inside one of its callbacks.
    mutating func remove(_ connection: DownstreamConnection) -> Unmanaged<AnyObject> {
        let (next, previous) = (connection.nextInList, connection.previousInList)
        next?._withUnsafeGuaranteedRef { $0.previousInList = previous }
        if let previous {
            previous._withUnsafeGuaranteedRef { $0.nextInList = next }
        } else {
            head = next
        }
        connection.nextInList = nil
        connection.previousInList = nil
        count -= 1
        return .passUnretained(connection)
    }

    /// The members as they are now; for drain and shutdown, not for the data path.
    func all() -> [DownstreamConnection] {
        var members: [DownstreamConnection] = []
        members.reserveCapacity(count)
        var next = head
        while let member = next {
            let connection = member.takeUnretainedValue()
            members.append(connection)
            next = connection.nextInList
        }
        return members
    }

    deinit {
        var next = head
        while let member = next {
            next = member._withUnsafeGuaranteedRef { $0.nextInList }
            member.release()
        }
    }
}
