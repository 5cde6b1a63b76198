/// A consistent-hash table of one host set: hash in, host index out. Built on the main thread, shared by all workers.
class HashTable: @unchecked Sendable {
    // Proof of Sendable: subclasses are final in this folder and hold only `let` values.

    /// The host for a hash; `attempt` > 0 asks for another one after a rejected choice. Nil when the table is empty.
    func choose(_ hash: UInt64, attempt: UInt32) -> HostIndex? { nil }
}
