/// CRC16 XMODEM (polynomial 0x1021, start 0, not reflected): the key hash of Redis Cluster.
///
/// Four bits at a time from a 16-entry table that lives in one cache line. Source: Redis Cluster specification,
/// "Keys distribution model"; check value of "123456789" is 0x31C3.
public enum CRC16 {
    private static let table: InlineArray<16, UInt16> = [
        0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50A5, 0x60C6, 0x70E7,
        0x8108, 0x9129, 0xA14A, 0xB16B, 0xC18C, 0xD1AD, 0xE1CE, 0xF1EF,
    ]

    public static func hash(_ bytes: borrowing Span<UInt8>) -> UInt16 {
        var crc: UInt16 = 0
        for index in bytes.indices {
            let byte = bytes[index]
            crc = (crc << 4) ^ table[Int((crc >> 12) ^ UInt16(byte >> 4))]
            crc = (crc << 4) ^ table[Int((crc >> 12) ^ UInt16(byte & 15))]
        }
        return crc
    }
}
