/// What an HTTP stream adds to a record; see ``StreamDetails/http``.
public struct HTTPStreamFacts: Sendable {
    /// In the order received, names in lower case, `:method`, `:path`, `:scheme` and `:authority` among them.
    public var requestHeaders: [(name: String, value: String)] = []
    public var responseHeaders: [(name: String, value: String)] = []
    public var responseCode: UInt32 = 0
    /// `HTTP/1.1` and the like; empty while nothing is known.
    public var protocolName = ""

    public init() {}

    /// The first header of this name, in lower case.
    static func value(of name: String, in headers: [(name: String, value: String)]) -> String? {
        headers.first { $0.name == name }?.value
    }

    /// Bytes of names and values.
    static func bytes(of headers: [(name: String, value: String)]) -> UInt64 {
        headers.reduce(0) { $0 + UInt64($1.name.utf8.count + $1.value.utf8.count) }
    }

    /// The request's target, query included; nil without one.
    var target: String? { HTTPStreamFacts.value(of: ":path", in: requestHeaders) }

    var query: Substring? {
        guard let target, let mark = target.firstIndex(of: "?") else { return nil }
        return target[target.index(after: mark)...]
    }

    /// The first value of a parameter of the query, as sent.
    func queryParameter(_ name: String) -> Substring? {
        for pair in query?.split(separator: "&") ?? [] {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts[0] == name { return parts.count > 1 ? parts[1] : "" }
        }
        return nil
    }
}

/// What an operator reads from ``HTTPStreamFacts``; names of headers are in lower case.
enum HTTPField: Sendable {
    case responseCode, protocolName, requestHeadersBytes, responseHeadersBytes
    case requestHeader(String, or: String?)
    case responseHeader(String, or: String?)
    case path(withQuery: Bool)
    case query
    case queryParameter(String)

    /// Zero rather than missing where there is no HTTP.
    var isNumber: Bool {
        switch self {
        case .responseCode, .requestHeadersBytes, .responseHeadersBytes: true
        default: false
        }
    }
}

extension FormatEvaluation {
    func write(_ field: HTTPField, _ info: inout StreamInfo, to out: inout [UInt8]) -> Written {
        guard let http = info.existingDetails?.http else {
            guard field.isNumber else { return .missing }
            out.append(UInt8(ascii: "0"))
            return .number
        }
        switch field {
        case .responseCode: return number(UInt64(http.responseCode), to: &out)
        case .requestHeadersBytes: return number(HTTPStreamFacts.bytes(of: http.requestHeaders), to: &out)
        case .responseHeadersBytes: return number(HTTPStreamFacts.bytes(of: http.responseHeaders), to: &out)
        case .protocolName: return text(http.protocolName, to: &out)
        case .requestHeader(let name, let other): return header(name, other, http.requestHeaders, to: &out)
        case .responseHeader(let name, let other): return header(name, other, http.responseHeaders, to: &out)
        case .path(let withQuery):
            guard let target = http.target else { return .missing }
            return text(withQuery ? target : String(target.prefix { $0 != "?" }), to: &out)
        case .query: return text(String(http.query ?? ""), to: &out)
        case .queryParameter(let name): return text(String(http.queryParameter(name) ?? ""), to: &out)
        }
    }

    private func header(
        _ name: String, _ other: String?, _ headers: [(name: String, value: String)], to out: inout [UInt8]
    ) -> Written {
        let value =
            HTTPStreamFacts.value(of: name, in: headers)
            ?? other.flatMap { HTTPStreamFacts.value(of: $0, in: headers) }
        return text(value ?? "", to: &out)
    }
}
