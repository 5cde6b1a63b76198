// One admin request, and the answer to it.

import HTTPCodec

/// Query parameters in order; names may repeat, the last one wins.
package struct AdminQuery {
    package private(set) var items: [(name: String, value: String)] = []

    /// Parses `a=b&c`, decoding `%XX`, and `+` as a space only where forms write it so.
    package init(_ text: some StringProtocol, isForm: Bool = false) {
        for pair in text.split(separator: "&", omittingEmptySubsequences: true) {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            items.append((Self.decoded(halves[0], isForm), halves.count > 1 ? Self.decoded(halves[1], isForm) : ""))
        }
    }

    package subscript(name: String) -> String? { items.last { $0.name == name }?.value }

    package func has(_ name: String) -> Bool { items.contains { $0.name == name } }

    mutating func append(contentsOf other: AdminQuery) { items += other.items }

    /// A `%` that is not followed by two hexadecimal digits stands for itself.
    static func decoded(_ text: some StringProtocol, _ isForm: Bool) -> String {
        var out: [UInt8] = []
        let bytes = Array(text.utf8)
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
                let high = Character(UnicodeScalar(bytes[index + 1])).hexDigitValue,
                let low = Character(UnicodeScalar(bytes[index + 2])).hexDigitValue
            {
                out.append(UInt8(high << 4 | low))
                index += 3
                continue
            }
            out.append(isForm && bytes[index] == UInt8(ascii: "+") ? UInt8(ascii: " ") : bytes[index])
            index += 1
        }
        return String(decoding: out, as: UTF8.self)
    }
}

package struct AdminRequest {
    package var method: String
    /// Without the query.
    package var path: String
    /// As sent.
    package var target: String
    package var query: AdminQuery
    /// In the order received, names in lower case.
    package var headers: [(name: String, value: String)] = []
    package var userAgent = ""
    package var host = ""
    /// What a browser says about where the request comes from; empty from anything else.
    package var fetchSite = ""
    package var isHead: Bool { method == "HEAD" }

    package init(method: String, target: String) {
        self.method = method
        self.target = target
        let halves = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = String(halves.first ?? "")
        query = AdminQuery(halves.count > 1 ? halves[1] : "")
    }
}

package struct AdminResponse {
    package var status: Int
    package var contentType: String
    package var body: String
    /// A large body in pieces, instead of ``body``: appends about so many bytes, false when there is no more.
    package var stream: ((inout [UInt8], Int) -> Bool)?
    /// Runs when the answer has been given to the connection.
    package var afterwards: (() -> Void)?

    package init(_ body: String, status: Int = 200, contentType: String = "text/plain; charset=UTF-8") {
        self.status = status
        self.contentType = contentType
        self.body = body
    }

    static func json(_ body: String) -> AdminResponse { AdminResponse(body, contentType: "application/json") }
    static func html(_ body: String) -> AdminResponse { AdminResponse(body, contentType: "text/html; charset=UTF-8") }
    static var ok: AdminResponse { AdminResponse("OK\n") }
}
