// Request methods as a small value.

/// The methods whose meaning a proxy knows; any other token is ``other`` and its bytes are in the request line.
public enum HTTP1Method: UInt8, Sendable {
    case other, get, head, post, put, delete, connect, options, trace, patch

    /// From the bytes packed little-endian into one word, for methods of up to eight bytes.
    @inline(__always)
    static func known(packed: UInt64) -> HTTP1Method {
        switch packed {
        case 0x5445_47: .get
        case 0x4441_4548: .head
        case 0x5453_4f50: .post
        case 0x5455_50: .put
        case 0x4554_454c_4544: .delete
        case 0x5443_454e_4e4f_43: .connect
        case 0x534e_4f49_5450_4f: .options
        case 0x4543_4152_54: .trace
        case 0x4843_5441_50: .patch
        default: .other
        }
    }

    public var text: StaticString {
        switch self {
        case .other: ""
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .connect: "CONNECT"
        case .options: "OPTIONS"
        case .trace: "TRACE"
        case .patch: "PATCH"
        }
    }
}
