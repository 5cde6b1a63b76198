// Start lines and field lines: RFC 9112 §2.2, §3, §4, §5.

extension HTTP1Decoder {
    // MARK: Request line

    mutating func requestLine(_ window: borrowing Span<UInt8>) throws(HTTP1DecodeError) -> HTTP1Event {
        let count = window.count
        if phase == .first, scanned == 0 {
            guard count != 0 else { return .needMore }
            // RFC 9112 §2.2: one empty line before a request line is forgiven.
            if window[0] == 0x0d {
                guard !skippedEmptyLine else { throw .badMethod(at: 0) }
                guard count >= 2 else { return .needMore }
                guard window[1] == 0x0a else { throw .bareCarriageReturn(at: 0) }
                skippedEmptyLine = true
                consumedBytes = 2
                return .skipped
            }
            beginMessage()
        }
        return try requestLineParts(window, count)
    }

    private mutating func requestLineParts(
        _ window: borrowing Span<UInt8>, _ count: Int
    ) throws(HTTP1DecodeError) -> HTTP1Event {
        var index = scanned
        if phase == .first {
            while index < count, ByteClass.has(window[index], ByteClass.token) { index &+= 1 }
            guard index < count else { return try moreStartLine(index, count) }
            guard window[index] == 0x20, index > 0 else { throw .badMethod(at: index) }
            firstEnd = index
            index &+= 1
            phase = .second
        }
        if phase == .second {
            index = ByteScan.endOfTarget(window, from: index)
            guard index < count else { return try moreStartLine(index, count) }
            guard window[index] == 0x20, index > firstEnd &+ 1 else { throw .badTarget(at: index) }
            secondEnd = index
            index &+= 1
            phase = .third
        }
        // "HTTP/1.1" and CRLF.
        guard count &- index >= 10 else {
            try Self.checkVersionPrefix(window, from: index)
            return try moreStartLine(index, count)
        }
        try version(window, at: index)
        guard window[index &+ 8] == 0x0d else {
            throw Self.lineEndError(window[index &+ 8], .badVersion(at: index), index &+ 8)
        }
        guard window[index &+ 9] == 0x0a else { throw .bareCarriageReturn(at: index &+ 8) }
        let end = index &+ 10
        guard end <= limits.startLineBytes else { throw .startLineTooLong(limit: limits.startLineBytes) }

        let method = Self.method(window, firstEnd)
        self.method = method
        let form = try Self.targetForm(window, method, firstEnd &+ 1, secondEnd)
        endLine(end)
        state = .fields
        return .requestLine(
            HTTP1RequestLine(
                methodName: ByteRange(0, count: firstEnd),
                target: ByteRange(firstEnd &+ 1, count: secondEnd &- firstEnd &- 1),
                method: method, form: form, minorVersion: minorVersion))
    }

    private static func method(_ window: borrowing Span<UInt8>, _ firstEnd: Int) -> HTTP1Method {
        guard firstEnd < 8 else { return .other }
        // A start line is longer than eight bytes.
        let word = UInt64(littleEndian: unsafe window.bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt64.self))
        return HTTP1Method.known(packed: word & ((1 as UInt64) << UInt64(truncatingIfNeeded: firstEnd &* 8) &- 1))
    }

    // The helpers below are static: a method of the decoder that is not inlined may get a copy of all its state.

    /// RFC 9112 §3.2: which form, and whether the method may use it.
    @inline(__always)
    private static func targetForm(
        _ window: borrowing Span<UInt8>, _ method: HTTP1Method, _ start: Int, _ end: Int
    ) throws(HTTP1DecodeError) -> HTTP1TargetForm {
        if window[start] == 0x2f, method != .connect { return .origin }
        return try otherTargetForm(window, method, start, end)
    }

    @inline(never)
    private static func otherTargetForm(
        _ window: borrowing Span<UInt8>, _ method: HTTP1Method, _ start: Int, _ end: Int
    ) throws(HTTP1DecodeError) -> HTTP1TargetForm {
        if method == .connect {
            guard AuthorityRule.holds(window, start, end, portRequired: true) else { throw .badTarget(at: start) }
            return .authority
        }
        if window[start] == 0x2a {
            guard method == .options, end == start &+ 1 else { throw .badTarget(at: start) }
            return .asterisk
        }
        // scheme "://" authority
        var index = start
        while index < end, isSchemeByte(window[index], first: index == start) { index &+= 1 }
        guard index > start, index &+ 3 < end, window[index] == 0x3a, window[index &+ 1] == 0x2f,
            window[index &+ 2] == 0x2f
        else { throw .badTarget(at: start) }
        let authority = index &+ 3
        index = authority
        while index < end, window[index] != 0x2f, window[index] != 0x3f { index &+= 1 }
        guard index > authority, AuthorityRule.holds(window, authority, index, portRequired: false) else {
            throw .badTarget(at: authority)
        }
        return .absolute
    }

    private static func isSchemeByte(_ byte: UInt8, first: Bool) -> Bool {
        let letter = (byte | 0x20) &- 0x61 < 26
        return letter || (!first && (byte &- 0x30 < 10 || byte == 0x2b || byte == 0x2d || byte == 0x2e))
    }

    // MARK: Status line

    mutating func statusLine(_ window: borrowing Span<UInt8>) throws(HTTP1DecodeError) -> HTTP1Event {
        let count = window.count
        guard count != 0 else { return .needMore }
        guard awaitsResponse else { throw .unsolicitedResponse(at: 0) }
        var index = scanned
        if phase == .first {
            if index == 0 { beginMessage() }
            // "HTTP/1.1 200" and the byte after it.
            guard count >= 13 else {
                try Self.checkVersionPrefix(window, from: 0)
                scanned = count
                return .needMore
            }
            try version(window, at: 0)
            guard window[8] == 0x20 else { throw .badStatusLine(at: 8) }
            var code: UInt16 = 0
            for digit in 9..<12 {
                let value = window[digit] &- 0x30
                guard value < 10 else { throw .badStatusLine(at: digit) }
                code = code &* 10 &+ UInt16(value)
            }
            guard code >= 100 else { throw .badStatusLine(at: 9) }
            status = code
            // The space before an empty reason is required, and often forgotten.
            guard window[12] == 0x20 || window[12] == 0x0d else { throw .badStatusLine(at: 12) }
            index = window[12] == 0x20 ? 13 : 12
            firstEnd = index
            phase = .value
        }
        if phase == .value {
            index = ByteScan.endOfValue(window, from: index)
            guard index < count else { return try moreStartLine(index, count) }
            guard window[index] == 0x0d else {
                throw Self.lineEndError(window[index], .badStatusLine(at: index), index)
            }
            secondEnd = index
            phase = .lineFeed
        }
        guard secondEnd &+ 1 < count else { return try moreStartLine(secondEnd, count) }
        guard window[secondEnd &+ 1] == 0x0a else { throw .bareCarriageReturn(at: secondEnd) }
        let end = secondEnd &+ 2
        guard end <= limits.startLineBytes else { throw .startLineTooLong(limit: limits.startLineBytes) }
        endLine(end)
        state = .fields
        return .statusLine(
            HTTP1StatusLine(
                reason: ByteRange(firstEnd, count: secondEnd &- firstEnd), status: status, minorVersion: minorVersion))
    }

    // MARK: Parts of start lines

    private mutating func beginMessage() {
        seen = []
        closesAfter = false
        count = 0
        sectionBytes = 0
        contentLength = 0
        extensionBytes = 0
    }

    @inline(__always)
    private mutating func endLine(_ end: Int) {
        consumedBytes = end
        sectionBytes &+= end
        scanned = 0
        phase = .first
    }

    private mutating func moreStartLine(_ index: Int, _ count: Int) throws(HTTP1DecodeError) -> HTTP1Event {
        guard count < limits.startLineBytes else { throw .startLineTooLong(limit: limits.startLineBytes) }
        scanned = index
        return .needMore
    }

    /// "HTTP/1.0" or "HTTP/1.1" at `index`, which has eight bytes.
    @inline(__always)
    private mutating func version(_ window: borrowing Span<UInt8>, at index: Int) throws(HTTP1DecodeError) {
        let word = UInt64(littleEndian: unsafe window.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
        if word == 0x312e_312f_5054_5448 {
            minorVersion = 1
        } else if word == 0x302e_312f_5054_5448 {
            minorVersion = 0
        } else {
            throw Self.versionError(window, at: index)
        }
    }

    @inline(never)
    private static func versionError(_ window: borrowing Span<UInt8>, at index: Int) -> HTTP1DecodeError {
        let name: InlineArray<5, UInt8> = [0x48, 0x54, 0x54, 0x50, 0x2f]
        for offset in 0..<5 where window[index + offset] != name[offset] { return .badVersion(at: index) }
        guard window[index + 5] &- 0x30 < 10, window[index + 6] == 0x2e, window[index + 7] &- 0x30 < 10 else {
            return .badVersion(at: index)
        }
        return .unsupportedVersion(at: index)
    }

    /// Fails early on what can no longer become a version, so that HTTP/0.9 is answered and not waited for.
    @inline(never)
    private static func checkVersionPrefix(_ window: borrowing Span<UInt8>, from index: Int) throws(HTTP1DecodeError) {
        let name: InlineArray<5, UInt8> = [0x48, 0x54, 0x54, 0x50, 0x2f]
        for offset in 0..<min(5, window.count - index) where window[index + offset] != name[offset] {
            throw .badVersion(at: index)
        }
        for offset in 5..<8 where index + offset < window.count {
            let byte = window[index + offset]
            guard offset == 6 ? byte == 0x2e : byte &- 0x30 < 10 else { throw .badVersion(at: index) }
        }
    }

    @inline(never)
    private static func lineEndError(_ byte: UInt8, _ other: HTTP1DecodeError, _ index: Int) -> HTTP1DecodeError {
        byte == 0x0a ? .bareLineFeed(at: index) : other
    }

    // MARK: Field lines

    mutating func nextField(_ window: borrowing Span<UInt8>) throws(HTTP1DecodeError) -> HTTP1Event {
        if window.count == 0 { return .needMore }
        if scanned == 0 {
            let byte = window[0]
            if byte == 0x0d {
                guard window.count >= 2 else { return .needMore }
                guard window[1] == 0x0a else { throw .bareCarriageReturn(at: 0) }
                guard sectionBytes &+ 2 <= limits.headBytes else { throw .headTooLarge(limit: limits.headBytes) }
                consumedBytes = 2
                return .headEnd(try endHead())
            }
            if byte == 0x20 || byte == 0x09 { throw .obsoleteFold(at: 0) }
            if count == limits.headerCount { throw .tooManyHeaders(limit: limits.headerCount) }
        }
        let limit = limits.headBytes &- sectionBytes
        let (complete, field) = try fieldLine(window)
        guard complete else {
            guard window.count < limit else { throw .headTooLarge(limit: limits.headBytes) }
            return .needMore
        }
        guard consumedBytes <= limit else { throw .headTooLarge(limit: limits.headBytes) }
        if field.id.rawValue &- 1 < HeaderName.lastFraming { try note(field, window) }
        return .field(field)
    }

    mutating func nextTrailer(_ window: borrowing Span<UInt8>) throws(HTTP1DecodeError) -> HTTP1Event {
        if window.count == 0 { return .needMore }
        if scanned == 0 {
            let byte = window[0]
            if byte == 0x0d {
                guard window.count >= 2 else { return .needMore }
                guard window[1] == 0x0a else { throw .bareCarriageReturn(at: 0) }
                consumedBytes = 2
                return endMessage()
            }
            if byte == 0x20 || byte == 0x09 { throw .obsoleteFold(at: 0) }
            if count == limits.trailerCount { throw .tooManyTrailers(limit: limits.trailerCount) }
        }
        let limit = limits.trailerBytes &- sectionBytes
        let (complete, field) = try fieldLine(window)
        guard complete else {
            guard window.count < limit else { throw .trailersTooLarge(limit: limits.trailerBytes) }
            return .needMore
        }
        guard consumedBytes <= limit else { throw .trailersTooLarge(limit: limits.trailerBytes) }
        // RFC 9110 §6.5.1: framing and routing never come after the body.
        switch field.id {
        case .contentLength, .transferEncoding, .host, .connection, .upgrade, .te, .trailer, .expect:
            throw .forbiddenTrailer(at: 0)
        default: return .trailer(field)
        }
    }

    /// One field line at the front of the window: whether it is complete, and where its parts are.
    @inline(__always)
    private mutating func fieldLine(
        _ window: borrowing Span<UInt8>
    ) throws(HTTP1DecodeError) -> (Bool, HTTP1Field) {
        let size = window.count
        var index = scanned
        var nameEnd = firstEnd
        var valueStart = secondEnd
        var phase = self.phase
        let none = HTTP1Field(name: ByteRange(0, count: 0), value: ByteRange(0, count: 0), id: .unknown)

        if phase == .first {
            index = ByteScan.endOfToken(window, from: index)
            guard index < size else {
                scanned = index
                return (false, none)
            }
            guard window[index] == 0x3a, index > 0 else { throw Self.nameError(window[index], index) }
            nameEnd = index
            index &+= 1
            phase = .second
        }
        if phase == .second {
            while index < size, window[index] == 0x20 || window[index] == 0x09 { index &+= 1 }
            valueStart = index
            phase = .value
            if index == size { phase = .second }
        }
        if phase == .value {
            index = ByteScan.endOfValue(window, from: index)
            if index < size {
                guard window[index] == 0x0d else {
                    throw Self.lineEndError(window[index], .badFieldValue(at: index), index)
                }
                phase = .lineFeed
            }
        }
        // In phase .lineFeed `index` is at the CR.
        guard phase == .lineFeed, index &+ 1 < size else {
            scanned = index
            firstEnd = nameEnd
            secondEnd = valueStart
            self.phase = phase
            return (false, none)
        }
        guard window[index &+ 1] == 0x0a else { throw .bareCarriageReturn(at: index) }
        var valueEnd = index
        while valueEnd > valueStart, window[valueEnd &- 1] == 0x20 || window[valueEnd &- 1] == 0x09 { valueEnd &-= 1 }
        count &+= 1
        endLine(index &+ 2)
        return (
            true,
            HTTP1Field(
                name: ByteRange(0, count: nameEnd), value: ByteRange(valueStart, count: valueEnd &- valueStart),
                id: HeaderName.find(window, 0, nameEnd))
        )
    }

    @inline(never)
    private static func nameError(_ byte: UInt8, _ index: Int) -> HTTP1DecodeError {
        switch byte {
        case 0x20, 0x09: .whitespaceBeforeColon(at: index)
        case 0x0a: .bareLineFeed(at: index)
        default: .badFieldName(at: index)
        }
    }
}
