// The headers of one message, HTTP/1 and HTTP/2 alike: storage, limits and changes. Look-ups are in HeaderMap+Lookup.swift.

/// Headers in the order of insertion, in one block of memory per message.
///
///     block │ entry 0 │ entry 1 │ …  free  … │ name 1 value 1 │ name 0 value 0 │
///           ╰ 16 bytes each, growing up      ╰ text, growing down; entries count from the block's end
///
/// Names are stored lower-case; known names are small integers as well and their text is not stored. Appending allocates
/// nothing while the block has room, growing doubles it, and ``removeAll()`` keeps it for the next message. Removed or
/// replaced text stays in the block until it grows or is emptied.
///
/// - Limits: count and bytes (names, values and 32 per entry, as RFC 9113 §6.5.2 counts) are fixed at creation; an append
///   that would cross one changes nothing and says so.
/// - Owner: one message; not shared between threads.
/// - Safety: the block is owned here, every index is checked, and pointers never leave the type.
@safe
public struct HeaderMap: ~Copyable {
    public enum Refusal: Error, Equatable, Sendable {
        case tooMany(limit: Int)
        case tooLarge(limit: Int)
    }

    struct Entry {
        /// Distance of the text's first byte from the block's end.
        var text: UInt32
        var nameCount: UInt16
        var id: HeaderName
        var flags: UInt8
        var valueCount: UInt32
        /// Distance of the value's first byte from the block's end.
        var value: UInt32
    }

    static let entryBytes = 16
    /// What RFC 9113 adds per field when it counts a list's size.
    static let overheadBytes = 32

    let maxCount: Int
    let maxBytes: Int

    /// Owned; nil until the first append.
    var block: UnsafeMutableRawPointer?
    var capacity = 0
    /// Entries in use.
    public private(set) var count = 0
    /// Bytes of text in the block, dead text included.
    var textBytes = 0
    /// Counted size of the live headers, see ``overheadBytes``.
    public private(set) var countedBytes = 0
    /// One bit per known identifier that may be present: a quick "no" for look-ups.
    var present: (UInt64, UInt64) = (0, 0)

    /// - Parameters:
    ///   - maxCount: headers, at most 65535.
    ///   - maxBytes: counted size, at most 16 MiB.
    public init(maxCount: Int = 100, maxBytes: Int = 64 * 1024) {
        self.maxCount = min(maxCount, 65535)
        self.maxBytes = min(maxBytes, 16 << 20)
        precondition(MemoryLayout<Entry>.stride == Self.entryBytes, "Sixteen bytes per entry.")
        precondition(HeaderName.knownCount < 128, "One presence bit per known name.")
    }

    deinit { unsafe block?.deallocate() }

    /// The block's size, for accounting.
    public var allocatedBytes: Int { capacity }

    /// Empties the map and keeps its block.
    public mutating func removeAll() {
        count = 0
        textBytes = 0
        countedBytes = 0
        present = (0, 0)
    }

    // MARK: Adding

    /// Appends a header whose name is known.
    public mutating func append(_ id: HeaderName, _ value: borrowing Span<UInt8>) throws(Refusal) {
        precondition(id != .unknown, "A name without identifier needs its text.")
        let entry = try room(name: 0, nameSize: id.count, value: value.count)
        unsafe Self.copy(value, to: end - Int(entry.value))
        commit(entry, id)
    }

    /// Appends a header by its text, in any letter case.
    public mutating func append(name: borrowing Span<UInt8>, value: borrowing Span<UInt8>) throws(Refusal) {
        let id = HeaderName.find(name)
        if id != .unknown { return try append(id, value) }
        let entry = try room(name: name.count, nameSize: name.count, value: value.count)
        unsafe Self.copyLower(name, to: end - Int(entry.text))
        unsafe Self.copy(value, to: end - Int(entry.value))
        commit(entry, .unknown)
    }

    /// Appends a field that the decoder found in `window`.
    public mutating func append(_ field: HTTP1Field, in window: borrowing Span<UInt8>) throws(Refusal) {
        let stored = field.id == .unknown ? Int(field.name.count) : 0
        let entry = try room(name: stored, nameSize: Int(field.name.count), value: Int(field.value.count))
        if stored > 0 { unsafe Self.copyLower(window.extracting(field.name.range), to: end - Int(entry.text)) }
        unsafe Self.copy(window.extracting(field.value.range), to: end - Int(entry.value))
        commit(entry, field.id)
    }

    // MARK: Changing

    /// Replaces every header of this name by one: in the place of the first, or at the end.
    public mutating func set(_ id: HeaderName, _ value: borrowing Span<UInt8>) throws(Refusal) {
        guard let index = firstIndex(of: id) else { return try append(id, value) }
        try replaceValue(at: index, value)
        var later = count - 1
        while later > index {
            if entry(later).id == id { remove(at: later) }
            later -= 1
        }
    }

    public mutating func replaceValue(at index: Int, _ value: borrowing Span<UInt8>) throws(Refusal) {
        precondition(index >= 0 && index < count, "An index below count.")
        let before = Int(entry(index).valueCount)
        guard countedBytes - before + value.count <= maxBytes else { throw .tooLarge(limit: maxBytes) }
        if value.count > before {
            reserve(entries: count, text: textBytes + value.count)
            textBytes += value.count
            unsafe entries[index].value = UInt32(truncatingIfNeeded: textBytes)
        }
        unsafe entries[index].valueCount = UInt32(truncatingIfNeeded: value.count)
        unsafe Self.copy(value, to: end - Int(entries[index].value))
        countedBytes += value.count - before
    }

    /// Removes every header of this name; says how many there were.
    @discardableResult
    public mutating func remove(_ id: HeaderName) -> Int {
        guard mayContain(id) else { return 0 }
        let before = count
        var index = count - 1
        while index >= 0 {
            if entry(index).id == id { remove(at: index) }
            index -= 1
        }
        if id.rawValue < 64 {
            present.0 &= ~(1 << UInt64(id.rawValue))
        } else {
            present.1 &= ~(1 << UInt64(id.rawValue - 64))
        }
        return before - count
    }

    public mutating func remove(at index: Int) {
        precondition(index >= 0 && index < count, "An index below count.")
        let gone = entry(index)
        countedBytes -= Self.overheadBytes + nameSize(gone) + Int(gone.valueCount)
        let following = count - index - 1
        unsafe (entries + index).update(from: entries + index + 1, count: following)
        count -= 1
    }

    // MARK: Storage

    var entries: UnsafeMutablePointer<Entry> {
        unsafe block!.assumingMemoryBound(to: Entry.self)
    }

    var end: UnsafeMutableRawPointer { unsafe block! + capacity }

    func entry(_ index: Int) -> Entry {
        precondition(index >= 0 && index < count, "An index below count.")
        return unsafe entries[index]
    }

    func nameSize(_ entry: Entry) -> Int { entry.id == .unknown ? Int(entry.nameCount) : entry.id.count }

    /// Checks the limits, makes room and reserves the text; `commit` makes it part of the map.
    private mutating func room(name: Int, nameSize: Int, value: Int) throws(Refusal) -> Entry {
        guard count < maxCount else { throw .tooMany(limit: maxCount) }
        guard name <= Int(UInt16.max), countedBytes + Self.overheadBytes + nameSize + value <= maxBytes else {
            throw .tooLarge(limit: maxBytes)
        }
        let needed = textBytes + name + value
        if (count + 1) * Self.entryBytes + needed > capacity { reserve(entries: count + 1, text: needed) }
        countedBytes += Self.overheadBytes + nameSize + value
        textBytes = needed
        return Entry(
            text: UInt32(truncatingIfNeeded: needed), nameCount: UInt16(truncatingIfNeeded: name), id: .unknown,
            flags: 0,
            valueCount: UInt32(truncatingIfNeeded: value), value: UInt32(truncatingIfNeeded: needed - name))
    }

    private mutating func commit(_ entry: Entry, _ id: HeaderName) {
        var entry = entry
        entry.id = id
        unsafe (entries + count).initialize(to: entry)
        count += 1
        if id.rawValue < 64 {
            present.0 |= 1 << UInt64(id.rawValue)
        } else {
            present.1 |= 1 << UInt64(id.rawValue - 64)
        }
    }

    /// Grows the block so that `entries` and `text` fit; drops dead text on the way.
    @inline(never)
    private mutating func reserve(entries entryCount: Int, text: Int) {
        let needed = entryCount * Self.entryBytes + text
        guard needed > capacity else { return }
        var size = max(capacity * 2, 1024)
        while size < needed { size *= 2 }
        let fresh = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        if let old = unsafe block {
            let oldEnd = unsafe old + capacity
            let freshEntries = unsafe fresh.assumingMemoryBound(to: Entry.self)
            var used = 0
            for index in 0..<count {
                var entry = unsafe old.assumingMemoryBound(to: Entry.self)[index]
                used += Int(entry.valueCount)
                unsafe (fresh + size - used).copyMemory(
                    from: oldEnd - Int(entry.value), byteCount: Int(entry.valueCount))
                entry.value = UInt32(truncatingIfNeeded: used)
                used += Int(entry.nameCount)
                unsafe (fresh + size - used).copyMemory(from: oldEnd - Int(entry.text), byteCount: Int(entry.nameCount))
                entry.text = UInt32(truncatingIfNeeded: used)
                unsafe (freshEntries + index).initialize(to: entry)
            }
            textBytes = used
            unsafe old.deallocate()
        }
        unsafe block = fresh
        capacity = size
    }

    @inline(__always)
    private static func copy(_ bytes: borrowing Span<UInt8>, to target: UnsafeMutableRawPointer) {
        unsafe bytes.withUnsafeBytes { source in
            if let base = source.baseAddress { unsafe target.copyMemory(from: base, byteCount: source.count) }
        }
    }

    private static func copyLower(_ bytes: borrowing Span<UInt8>, to target: UnsafeMutableRawPointer) {
        for index in 0..<bytes.count {
            let byte = bytes[index]
            unsafe target.storeBytes(of: byte &- 0x41 < 26 ? byte | 0x20 : byte, toByteOffset: index, as: UInt8.self)
        }
    }
}
