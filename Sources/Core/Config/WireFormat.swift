// The protobuf wire format, written and read by hand: the loader's walk writes it, the rule checker and the JSON
// renderer read it, so that all three work for any message of the schema.
// Source: the protocol buffers encoding page.

/// The low three bits of a tag.
enum WireType: UInt64, Sendable {
    case varint = 0
    case fixed64 = 1
    case lengthDelimited = 2
    case fixed32 = 5
}

/// Appends fields to a buffer.
struct WireWriter {
    var bytes: [UInt8] = []

    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func tag(_ number: Int, _ type: WireType) {
        varint(UInt64(number) << 3 | type.rawValue)
    }

    mutating func fixed32(_ value: UInt32) {
        for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    mutating func fixed64(_ value: UInt64) {
        for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    mutating func string(_ number: Int, _ text: String) {
        tag(number, .lengthDelimited)
        varint(UInt64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    mutating func data(_ number: Int, _ data: some Collection<UInt8>) {
        tag(number, .lengthDelimited)
        varint(UInt64(data.count))
        bytes.append(contentsOf: data)
    }

    /// Starts a nested message; give the result to `end`.
    mutating func begin(_ number: Int) -> Int {
        tag(number, .lengthDelimited)
        return bytes.count
    }

    /// Ends a nested message: its length is put before it.
    mutating func end(_ start: Int) {
        var length = WireWriter()
        length.varint(UInt64(bytes.count - start))
        bytes.insert(contentsOf: length.bytes, at: start)
    }
}

/// Reads fields one after another from a range of a buffer. Every step is checked: the bytes may be anything.
struct WireReader {
    /// One field.
    struct Field {
        var number: Int
        var type: WireType
        /// The number itself for varints and fixed widths.
        var scalar: UInt64 = 0
        /// The payload for length-delimited fields.
        var range: Range<Int> = 0..<0
    }

    let bytes: [UInt8]
    private(set) var position: Int
    let end: Int
    /// Set when the bytes were not well-formed; reading then stops.
    private(set) var isBroken = false

    init(_ bytes: [UInt8], _ range: Range<Int>? = nil) {
        self.bytes = bytes
        position = range?.lowerBound ?? 0
        end = range?.upperBound ?? bytes.count
    }

    mutating func next() -> Field? {
        guard position < end, !isBroken else { return nil }
        guard let tag = varint(), let type = WireType(rawValue: tag & 7), tag >> 3 > 0, tag >> 3 < 1 << 29 else {
            isBroken = true
            return nil
        }
        var field = Field(number: Int(tag >> 3), type: type)
        switch type {
        case .varint:
            guard let value = varint() else {
                isBroken = true
                return nil
            }
            field.scalar = value
        case .fixed64, .fixed32:
            let width = type == .fixed64 ? 8 : 4
            guard end - position >= width else {
                isBroken = true
                return nil
            }
            for index in 0..<width { field.scalar |= UInt64(bytes[position + index]) << (8 * index) }
            position += width
        case .lengthDelimited:
            guard let length = varint(), length <= UInt64(end - position) else {
                isBroken = true
                return nil
            }
            field.range = position..<position + Int(length)
            position += Int(length)
        }
        return field
    }

    mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < end, shift < 64 {
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        return nil
    }

    /// One item of a packed list.
    mutating func scalar(_ type: WireType) -> UInt64? {
        switch type {
        case .varint: return varint()
        case .lengthDelimited: return nil
        case .fixed32, .fixed64:
            let width = type == .fixed64 ? 8 : 4
            guard end - position >= width else { return nil }
            var value: UInt64 = 0
            for index in 0..<width { value |= UInt64(bytes[position + index]) << (8 * index) }
            position += width
            return value
        }
    }

    func string(_ field: Field) -> String {
        String(decoding: bytes[field.range], as: UTF8.self)
    }
}
