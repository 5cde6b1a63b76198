/// Decimal text of integers, written straight into bytes and read straight from them, without `String`.
public enum DecimalFormat {
    /// Longest text of a 64-bit number: "-9223372036854775808" and "18446744073709551615".
    public static let maxBytes = 20

    /// Digits needed for `value`.
    public static func byteCount(_ value: UInt64) -> Int {
        var count = 1
        var limit: UInt64 = 10
        while value >= limit {
            count += 1
            let (next, overflow) = limit.multipliedReportingOverflow(by: 10)
            if overflow { break }
            limit = next
        }
        return count
    }

    /// Bytes needed for `value`, sign included.
    public static func byteCount(_ value: Int64) -> Int {
        byteCount(value.magnitude) + (value < 0 ? 1 : 0)
    }

    /// Writes `value` at `offset` and returns the offset behind it. The room must suffice: ``maxBytes`` always does.
    public static func write(_ value: UInt64, into bytes: inout MutableSpan<UInt8>, at offset: Int) -> Int {
        let end = offset + byteCount(value)
        var rest = value
        var position = end
        repeat {
            position -= 1
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            bytes[position] = UInt8(truncatingIfNeeded: digit) &+ 0x30
            rest = quotient
        } while rest > 0
        return end
    }

    /// Writes a signed value at `offset` and returns the offset behind it.
    public static func write(_ value: Int64, into bytes: inout MutableSpan<UInt8>, at offset: Int) -> Int {
        guard value < 0 else { return write(value.magnitude, into: &bytes, at: offset) }
        bytes[offset] = 0x2D
        return write(value.magnitude, into: &bytes, at: offset + 1)
    }

    /// Appends `value` to an array. For cold paths and tests.
    public static func append(_ value: UInt64, to bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0x30, count: byteCount(value)))
        var span = bytes.mutableSpan
        _ = write(value, into: &span, at: start)
    }
}

/// Reads decimal integers from bytes, strictly: digits only, no blanks, no plus sign.
public enum DecimalParse {
    /// The unsigned number that the whole of `bytes` spells; nil when it is empty, has anything but digits, or
    /// overflows. Leading zeros are read.
    public static func unsigned(_ bytes: borrowing Span<UInt8>) -> UInt64? {
        digits(bytes, from: 0)
    }

    /// The signed number that the whole of `bytes` spells, "-" allowed in front; nil otherwise.
    public static func signed(_ bytes: borrowing Span<UInt8>) -> Int64? {
        guard bytes.count > 0 else { return nil }
        if bytes[0] != 0x2D { return digits(bytes, from: 0).flatMap { Int64(exactly: $0) } }
        guard let magnitude = digits(bytes, from: 1), magnitude <= Int64.min.magnitude else { return nil }
        return magnitude == Int64.min.magnitude ? Int64.min : -Int64(magnitude)
    }

    private static func digits(_ bytes: borrowing Span<UInt8>, from start: Int) -> UInt64? {
        guard bytes.count > start else { return nil }
        var value: UInt64 = 0
        for index in start..<bytes.count {
            let digit = bytes[index] &- 0x30
            guard digit < 10 else { return nil }
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(UInt64(digit))
            if overflow || carry { return nil }
            value = sum
        }
        return value
    }
}
