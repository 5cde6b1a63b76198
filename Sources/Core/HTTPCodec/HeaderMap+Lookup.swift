// Look-ups in a header map. Bytes are lent to a closure: they live in the map's block and a change may move them.

extension HeaderMap {
    @inline(__always)
    func mayContain(_ id: HeaderName) -> Bool {
        id.rawValue < 64
            ? present.0 & (1 << UInt64(id.rawValue)) != 0 : present.1 & (1 << UInt64(id.rawValue - 64)) != 0
    }

    /// The first header of a known name, from `start` on.
    public func firstIndex(of id: HeaderName, from start: Int = 0) -> Int? {
        guard id != .unknown, mayContain(id) else { return nil }
        var index = start
        while index < count {
            if unsafe entries[index].id == id { return index }
            index &+= 1
        }
        return nil
    }

    /// The first header of a name by its text, in any letter case, from `start` on.
    public func firstIndex(ofName name: borrowing Span<UInt8>, from start: Int = 0) -> Int? {
        let id = HeaderName.find(name)
        if id != .unknown { return firstIndex(of: id, from: start) }
        guard mayContain(.unknown) else { return nil }
        var index = start
        while index < count {
            let candidate = unsafe entries[index]
            if candidate.id == .unknown, Int(candidate.nameCount) == name.count {
                let text = unsafe UnsafeRawBufferPointer(start: end - Int(candidate.text), count: name.count)
                var same = true
                for offset in 0..<name.count {
                    let byte = name[offset]
                    if unsafe text[offset] != (byte &- 0x41 < 26 ? byte | 0x20 : byte) {
                        same = false
                        break
                    }
                }
                if same { return index }
            }
            index &+= 1
        }
        return nil
    }

    public func contains(_ id: HeaderName) -> Bool { firstIndex(of: id) != nil }

    public func id(at index: Int) -> HeaderName { entry(index).id }

    public func valueCount(at index: Int) -> Int { Int(entry(index).valueCount) }

    /// Lends the value at `index`.
    public func withValue<Result, Failure: Error>(
        at index: Int, _ body: (borrowing Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let entry = entry(index)
        let bytes = unsafe UnsafeRawBufferPointer(start: end - Int(entry.value), count: Int(entry.valueCount))
        return try body(unsafe Span(_unsafeBytes: bytes))
    }

    /// Lends the first value of a known name; nil if there is none.
    public func withValue<Result, Failure: Error>(
        of id: HeaderName, _ body: (borrowing Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        guard let index = firstIndex(of: id) else { return nil }
        return try withValue(at: index, body)
    }

    /// Lends the lower-case name at `index`.
    public func withName<Result, Failure: Error>(
        at index: Int, _ body: (borrowing Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let entry = entry(index)
        guard entry.id == .unknown else {
            var text = InlineArray<40, UInt8>(repeating: 0)
            let size = entry.id.count
            for offset in 0..<size { text[offset] = entry.id.byte(at: offset) }
            return try body(text.span.extracting(first: size))
        }
        let bytes = unsafe UnsafeRawBufferPointer(start: end - Int(entry.text), count: Int(entry.nameCount))
        return try body(unsafe Span(_unsafeBytes: bytes))
    }

    /// Whether the value at `index` is `text`, ignoring the case of letters; `text` is lower-case.
    public func value(at index: Int, is text: StaticString) -> Bool {
        withValue(at: index) { HTTP1Decoder.equals($0, 0..<$0.count, text) }
    }

    /// Copies, for control paths and tests.
    public func text(of id: HeaderName) -> String? {
        withValue(of: id) { span in unsafe span.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) } }
    }

    public func text(at index: Int) -> (name: String, value: String) {
        (
            withName(at: index) { span in
                unsafe span.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
            },
            withValue(at: index) { span in
                unsafe span.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
            }
        )
    }
}
