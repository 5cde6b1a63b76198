import CoreBytes
import Testing

@Suite struct DecimalTests {
    static let edges: [UInt64] = [
        0, 1, 9, 10, 11, 99, 100, 999, 1_000, 65_535, 65_536, 999_999_999, 1_000_000_000, 4_294_967_296,
        9_999_999_999_999_999_999, 10_000_000_000_000_000_000, .max,
    ]

    private func text(_ value: UInt64) -> String {
        var bytes = [UInt8](repeating: 0x2E, count: DecimalFormat.maxBytes + 2)
        var span = bytes.mutableSpan
        let end = DecimalFormat.write(value, into: &span, at: 1)
        return String(decoding: bytes[1..<end], as: UTF8.self)
    }

    private func text(_ value: Int64) -> String {
        var bytes = [UInt8](repeating: 0x2E, count: DecimalFormat.maxBytes + 2)
        var span = bytes.mutableSpan
        let end = DecimalFormat.write(value, into: &span, at: 1)
        return String(decoding: bytes[1..<end], as: UTF8.self)
    }

    private func unsigned(_ text: String) -> UInt64? { DecimalParse.unsigned(Array(text.utf8).span) }
    private func signed(_ text: String) -> Int64? { DecimalParse.signed(Array(text.utf8).span) }

    @Test func writesWhatTheStandardLibraryWrites() {
        for value in Self.edges {
            #expect(text(value) == String(value))
            #expect(DecimalFormat.byteCount(value) == String(value).utf8.count)
        }
        for value: Int64 in [0, -1, 1, -9, -10, 12_345, -12_345, .min, .max] {
            #expect(text(value) == String(value))
            #expect(DecimalFormat.byteCount(value) == String(value).utf8.count)
        }
        var random = FastRandom(seed: 1)
        for _ in 0..<1_000 {
            let value = random.next() >> (random.next() % 64)
            #expect(text(value) == String(value))
            #expect(unsigned(String(value)) == value)
        }
    }

    @Test func writesOnlyItsBytes() {
        var bytes = [UInt8](repeating: 0x2E, count: 6)
        var span = bytes.mutableSpan
        let end = DecimalFormat.write(UInt64(123), into: &span, at: 1)
        #expect(end == 4)
        #expect(bytes == Array(".123..".utf8))
    }

    @Test func readsTheWholeRange() {
        for value in Self.edges { #expect(unsigned(String(value)) == value) }
        #expect(unsigned("000000000000000000000000000042") == 42)
        #expect(signed("-9223372036854775808") == .min)
        #expect(signed("9223372036854775807") == .max)
        #expect(signed("-0") == 0)
    }

    @Test func refusesWhatIsNotANumber() {
        for text in ["", " 1", "1 ", "+1", "-1", "1a", "0x1", "18446744073709551616", "99999999999999999999"] {
            #expect(unsigned(text) == nil, "\(text)")
        }
        for text in ["", "-", "--1", "9223372036854775808", "-9223372036854775809", "1-"] {
            #expect(signed(text) == nil, "\(text)")
        }
    }
}
