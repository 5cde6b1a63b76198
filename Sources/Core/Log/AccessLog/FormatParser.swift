import Glibc

/// Compiles a format string into literals and operators. Everything that can be wrong is found here, at load.
///
///     %NAME%   %NAME(argument)%   %NAME:length%   %NAME(argument):length%   %%
struct FormatParser {
    enum Piece: Sendable {
        case literal(String)
        case step(FormatStep)
    }

    /// Source: Envoy's access log documentation, "Format Rules" and "Command Operators".
    static func parse(_ text: String) throws(FormatError) -> [Piece] {
        let bytes = Array(text.utf8)
        var pieces: [Piece] = []
        var literal: [UInt8] = []
        var at = 0
        while at < bytes.count {
            guard bytes[at] == UInt8(ascii: "%") else {
                literal.append(bytes[at])
                at += 1
                continue
            }
            if at + 1 < bytes.count, bytes[at + 1] == UInt8(ascii: "%") {
                literal.append(UInt8(ascii: "%"))
                at += 2
                continue
            }
            if !literal.isEmpty {
                pieces.append(.literal(String(decoding: literal, as: UTF8.self)))
                literal = []
            }
            let command = try scan(bytes, at)
            pieces.append(.step(try step(command)))
            at = command.end
        }
        if !literal.isEmpty { pieces.append(.literal(String(decoding: literal, as: UTF8.self))) }
        return pieces
    }

    private struct Command {
        let offset: Int
        let name: String
        let argument: String?
        let maxBytes: Int?
        /// After the closing percent sign.
        let end: Int
    }

    private static func scan(_ bytes: [UInt8], _ start: Int) throws(FormatError) -> Command {
        var at = start + 1
        func malformed(_ what: String) -> FormatError {
            FormatError(offset: start, reason: "malformed operator: \(what)")
        }
        let nameStart = at
        while at < bytes.count, isNameByte(bytes[at]) { at += 1 }
        let name = String(decoding: bytes[nameStart..<at], as: UTF8.self)
        if name.isEmpty { throw malformed("a name in capital letters must follow %; write %% for a percent sign") }
        var argument: String?
        if at < bytes.count, bytes[at] == UInt8(ascii: "(") {
            guard let close = bytes[at...].firstIndex(of: UInt8(ascii: ")")) else {
                throw malformed("\(name)( without )")
            }
            argument = String(decoding: bytes[(at + 1)..<close], as: UTF8.self)
            at = close + 1
        }
        var maxBytes: Int?
        if at < bytes.count, bytes[at] == UInt8(ascii: ":") {
            let digits = bytes[(at + 1)...].prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
            guard let number = Int(String(decoding: digits, as: UTF8.self)) else {
                throw malformed("a number of bytes must follow the colon after \(name)")
            }
            maxBytes = number
            at = digits.endIndex
        }
        guard at < bytes.count, bytes[at] == UInt8(ascii: "%") else { throw malformed("\(name) is not closed by %") }
        return Command(offset: start, name: name, argument: argument, maxBytes: maxBytes, end: at + 1)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        (byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z"))
            || (byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"))
            || byte == UInt8(ascii: "_")
    }

    private static func step(_ command: Command) throws(FormatError) -> FormatStep {
        do throws(FormatProblem) {
            return try step(name: command.name, argument: command.argument, maxBytes: command.maxBytes)
        } catch {
            throw FormatError(offset: command.offset, reason: error.text)
        }
    }

    /// A problem whose place the caller knows.
    struct FormatProblem: Error { let text: String }

    static func step(name: String, argument rawArgument: String?, maxBytes: Int?) throws(FormatProblem) -> FormatStep {
        guard let entry = FormatOperatorTable.entry(name) else { throw FormatProblem(text: unknown(name)) }
        let argument = rawArgument ?? ""
        switch entry.arguments {
        case .none:
            guard argument.isEmpty, maxBytes == nil else {
                throw FormatProblem(text: "\(name) takes neither an argument nor a length")
            }
        case .optionalNoLength:
            guard maxBytes == nil else { throw FormatProblem(text: "\(name) takes no length") }
        case .required:
            guard !argument.isEmpty else { throw FormatProblem(text: "\(name) needs an argument in parentheses") }
        case .optional: break
        }
        switch entry.meaning {
        case .fixed(let op): return FormatStep(op: op, maxBytes: maxBytes)
        case .special(let special):
            return FormatStep(op: try compile(special, name, argument), maxBytes: maxBytes)
        }
    }

    private static func unknown(_ name: String) -> String {
        switch name {
        case "CEL", "REQ_WITHOUT_QUERY": return "operator \(name) needs a formatter extension that is not supported yet"
        default: break
        }
        let near = FormatOperatorTable.names.min { distance($0, name) < distance($1, name) }
        let hint = near.flatMap { distance($0, name) <= 3 ? "; did you mean \($0)?" : nil } ?? ""
        return "unknown operator \(name)\(hint)"
    }

    /// Edit distance, for the hint.
    private static func distance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        if abs(a.count - b.count) > 3 { return 9 }
        var row = Array(0...b.count)
        for i in 0..<a.count {
            var diagonal = row[0]
            row[0] = i + 1
            for j in 0..<b.count {
                let next = min(row[j] + 1, row[j + 1] + 1, diagonal + (a[i] == b[j] ? 0 : 1))
                diagonal = row[j + 1]
                row[j + 1] = next
            }
        }
        return row[b.count]
    }

    // MARK: Arguments

    private static func compile(
        _ special: FormatOperatorTable.Special, _ name: String, _ argument: String
    ) throws(FormatProblem) -> FormatOperator {
        switch special {
        case .startTime: return .startTime(TimeFormat(argument, isLocal: false))
        case .startTimeLocal: return .startTime(TimeFormat(argument, isLocal: true))
        case .emitTime: return .emitTime(TimeFormat(argument, isLocal: false))
        case .emitTimeLocal: return .emitTime(TimeFormat(argument, isLocal: true))
        case .certificateTime: return .absent
        case .commonDuration: return try commonDuration(argument)
        case .environment: return .constant(getenv(argument).map { String(cString: $0) } ?? "-")
        case .hostname: return .constant(hostname())
        case .coalesce: return .coalesce(try CoalesceArgument.parse(argument))
        case .dynamicMetadata: return metadata(.dynamic, argument)
        case .clusterMetadata: return metadata(.cluster, argument)
        case .upstreamMetadata: return metadata(.upstreamHost, argument)
        case .anyMetadata: return try anyMetadata(argument)
        case .filterState: return try filterState(argument, isUpstream: false)
        case .upstreamFilterState: return try filterState(argument, isUpstream: true)
        case .path:
            let options = argument.split(separator: ":").map(String.init)
            guard options.isEmpty || ["WQ", "NQ"].contains(options[0]) else {
                throw FormatProblem(text: "PATH takes WQ or NQ, not \(options[0])")
            }
            // PATH alone is what came; the original path is a header that a router sets.
            if options.count > 1, options[1] == "ORIG" {
                return .http(.requestHeader("x-envoy-original-path", or: nil))
            }
            return .http(.path(withQuery: options.first != "NQ"))
        case .serverName:
            let option = argument.split(separator: ":").first.map(String.init) ?? "SNI_ONLY"
            guard ["SNI_ONLY", "SNI_FIRST", "HOST_FIRST"].contains(option) else {
                throw FormatProblem(
                    text: "REQUESTED_SERVER_NAME takes SNI_ONLY, SNI_FIRST or HOST_FIRST, not \(option)")
            }
            return .field(.requestedServerName)
        case .grpcStatus:
            guard argument.isEmpty || ["CAMEL_STRING", "SNAKE_STRING", "NUMBER"].contains(argument) else {
                throw FormatProblem(text: "GRPC_STATUS takes CAMEL_STRING, SNAKE_STRING or NUMBER, not \(argument)")
            }
            return .absent
        case .requestHeader:
            let names = try headerNames(name, argument)
            return .http(.requestHeader(names[0], or: names.count > 1 ? names[1] : nil))
        case .responseHeader:
            let names = try headerNames(name, argument)
            return .http(.responseHeader(names[0], or: names.count > 1 ? names[1] : nil))
        case .trailer:
            _ = try headerNames(name, argument)
            return .absent
        case .queryParameter: return .http(.queryParameter(argument))
        }
    }

    /// `NAME` or `NAME?OTHER`, in lower case.
    private static func headerNames(_ name: String, _ argument: String) throws(FormatProblem) -> [String] {
        let names = argument.split(separator: "?", omittingEmptySubsequences: false).map { $0.lowercased() }
        guard names.count <= 2 else {
            throw FormatProblem(text: "\(name) takes one alternative header, not more: \(argument)")
        }
        return names
    }

    private static func commonDuration(_ argument: String) throws(FormatProblem) -> FormatOperator {
        let parts = argument.split(separator: ":").map(String.init)
        guard parts.count == 2 || parts.count == 3 else {
            throw FormatProblem(text: "COMMON_DURATION takes start:end or start:end:unit, not \(argument)")
        }
        let unitNS: UInt64
        switch parts.count == 3 ? parts[2] : "ms" {
        case "ms": unitNS = 1_000_000
        case "us": unitNS = 1_000
        case "ns": unitNS = 1
        default: throw FormatProblem(text: "COMMON_DURATION's unit is ms, us or ns, not \(parts[2])")
        }
        return .commonDuration(start: parts[0], end: parts[1], unitNS: unitNS)
    }

    private static func metadata(_ source: MetadataSource, _ argument: String) -> FormatOperator {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        return .metadata(source, filter: parts[0], path: Array(parts.dropFirst()))
    }

    private static func anyMetadata(_ argument: String) throws(FormatProblem) -> FormatOperator {
        let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let sources: [String: MetadataSource] = [
            "DYNAMIC": .dynamic, "CLUSTER": .cluster, "ROUTE": .route, "UPSTREAM_HOST": .upstreamHost,
            "LISTENER": .listener, "VIRTUAL_HOST": .virtualHost, "LISTENER_FILTER_CHAIN": .filterChain,
        ]
        guard let source = sources[parts[0]] else {
            let allowed = sources.keys.sorted().joined(separator: ", ")
            throw FormatProblem(text: "METADATA's type is one of \(allowed), not \(parts[0])")
        }
        return metadata(source, parts.count > 1 ? parts[1] : "")
    }

    private static func filterState(_ argument: String, isUpstream: Bool) throws(FormatProblem) -> FormatOperator {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        switch (parts.count, parts.count > 1 ? parts[1] : "TYPED") {
        case (1...2, "PLAIN"): return .filterState(key: parts[0], isUpstream: isUpstream, isPlain: true)
        case (1...2, "TYPED"): return .filterState(key: parts[0], isUpstream: isUpstream, isPlain: false)
        // Our filter state is text and has no fields; Envoy prints - for an object without the field too.
        case (3, "FIELD"): return .absent
        default:
            throw FormatProblem(text: "FILTER_STATE takes key, key:PLAIN, key:TYPED or key:FIELD:name, not \(argument)")
        }
    }

    static func hostname() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "-" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
