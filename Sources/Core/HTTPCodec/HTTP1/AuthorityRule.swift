// The shape of `host[:port]`, in Host and in request targets.

enum AuthorityRule {
    /// Whether `start ..< end` is a host and an optional port (RFC 3986 §3.2.2, §3.2.3). User information is refused: nothing
    /// that routes should be preceded by text that looks like a host.
    static func holds(_ window: borrowing Span<UInt8>, _ start: Int, _ end: Int, portRequired: Bool) -> Bool {
        guard start < end else { return !portRequired }
        var index = start
        if window[index] == 0x5b {
            // "[" IPv6 or IPvFuture "]"
            index &+= 1
            let literal = index
            while index < end, window[index] != 0x5d {
                guard ByteClass.has(window[index], ByteClass.host), window[index] != 0x5b else { return false }
                index &+= 1
            }
            guard index < end, index > literal else { return false }
            index &+= 1
        } else {
            while index < end, window[index] != 0x3a {
                guard ByteClass.has(window[index], ByteClass.host), window[index] != 0x5b, window[index] != 0x5d else {
                    return false
                }
                index &+= 1
            }
            guard index > start else { return false }
        }
        guard index < end else { return !portRequired }
        guard window[index] == 0x3a else { return false }
        index &+= 1
        var port = 0
        let digits = index
        while index < end {
            let digit = window[index] &- 0x30
            guard digit < 10 else { return false }
            port = port &* 10 &+ Int(digit)
            guard port <= 65535 else { return false }
            index &+= 1
        }
        return !portRequired || index > digits
    }
}
