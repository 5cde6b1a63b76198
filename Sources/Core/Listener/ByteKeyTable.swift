// A read-mostly map from short byte strings to numbers: looked up with any slice of bytes, without making a String.

/// Open addressing over keys kept end to end in one array.
///
/// - Cost: one pass over the key, then on average fewer than two comparisons. Lookups allocate nothing.
/// - Growth: doubles when half full; only while configuration loads.
struct ByteKeyTable: Sendable {
    private struct Slot {
        var start: Int32
        var count: Int32
        var value: Int32
    }

    static let none: Int32 = -1

    private var bytes: [UInt8] = []
    private var slots: [Slot] = []
    private(set) var count = 0

    /// The number of `key`, or ``none``.
    func value(of key: Span<UInt8>) -> Int32 {
        if count == 0 { return ByteKeyTable.none }
        let mask = slots.count - 1
        var index = Int(truncatingIfNeeded: ByteKeyTable.hash(key)) & mask
        while true {
            let slot = slots[index]
            if slot.value == ByteKeyTable.none { return ByteKeyTable.none }
            if holds(slot, key) { return slot.value }
            index = (index + 1) & mask
        }
    }

    func value(of key: String) -> Int32 { value(of: key.utf8.span) }

    /// Adds a key that is not there yet, with a value that is not negative.
    mutating func insert(_ key: String, value: Int32) {
        if slots.isEmpty || count * 2 >= slots.count { grow() }
        let start = Int32(bytes.count)
        bytes += Array(key.utf8)
        place(Slot(start: start, count: Int32(bytes.count) - start, value: value))
        count += 1
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: Slot(start: 0, count: 0, value: ByteKeyTable.none), count: max(4, old.count * 2))
        for slot in old where slot.value != ByteKeyTable.none { place(slot) }
    }

    private mutating func place(_ slot: Slot) {
        let mask = slots.count - 1
        let hash = ByteKeyTable.hash(bytes.span.extracting(Int(slot.start)..<Int(slot.start + slot.count)))
        var index = Int(truncatingIfNeeded: hash) & mask
        while slots[index].value != ByteKeyTable.none { index = (index + 1) & mask }
        slots[index] = slot
    }

    private func holds(_ slot: Slot, _ key: Span<UInt8>) -> Bool {
        if Int(slot.count) != key.count { return false }
        let start = Int(slot.start)
        for index in 0..<key.count where bytes[start + index] != key[index] { return false }
        return true
    }

    /// FNV-1a. The keys come from configuration; a client chooses probes only, and the table is at most half full.
    private static func hash(_ key: Span<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in 0..<key.count { hash = (hash ^ UInt64(key[index])) &* 0x100_0000_01B3 }
        return hash ^ (hash >> 29)
    }
}
