/// A compiled record format, text or JSON. Immutable and shared by all workers.
public struct AccessLogFormat: Sendable {
    /// Envoy's default, which log pipelines parse; for a TCP stream the HTTP parts are dashes and zeros.
    public static let defaultText = """
        [%START_TIME%] "%REQUEST_HEADER(:METHOD)% %REQUEST_HEADER(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" \
        %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% \
        %RESPONSE_HEADER(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQUEST_HEADER(X-FORWARDED-FOR)%" \
        "%REQUEST_HEADER(USER-AGENT)%" "%REQUEST_HEADER(X-REQUEST-ID)%" "%REQUEST_HEADER(:AUTHORITY)%" \
        "%UPSTREAM_HOST%"

        """

    /// The default text format, compiled.
    public static let standard: AccessLogFormat = {
        do throws(FormatError) {
            return try AccessLogFormat(text: defaultText)
        } catch {
            preconditionFailure("The default access log format is valid: \(error)")
        }
    }()

    /// The default text format for records of HTTP streams.
    static let standardHTTP: AccessLogFormat = {
        do throws(FormatError) {
            return try AccessLogFormat(text: defaultText, isHTTP: true)
        } catch {
            preconditionFailure("The default access log format is valid: \(error)")
        }
    }()

    private enum Shape: Sendable {
        case text([TextPiece])
        case json(JSONFormat)
    }

    private enum TextPiece: Sendable {
        case literal([UInt8])
        case step(FormatStep)
    }

    private let shape: Shape
    private let omitsEmpty: Bool

    /// A line of text; a newline at its end is part of `text`. With `omitsEmpty` a missing value prints nothing
    /// instead of `-`.
    /// `isHTTP` says that streams are HTTP: for others, what only HTTP has is resolved here.
    public init(text: String, omitsEmpty: Bool = false, isHTTP: Bool = false) throws(FormatError) {
        var pieces: [TextPiece] = []
        var literal: [UInt8] = []
        for piece in try FormatParser.parse(text) {
            switch piece {
            case .literal(let text): literal += text.utf8
            case .step(let step):
                // Operators that never have a value here are part of the literal text.
                switch step.op {
                case .absent: if !omitsEmpty { literal += "-".utf8.prefix(step.maxBytes ?? 1) }
                case .zero: literal.append(UInt8(ascii: "0"))
                case .http(let field) where !isHTTP:
                    if field.isNumber {
                        literal.append(UInt8(ascii: "0"))
                    } else if !omitsEmpty {
                        literal += "-".utf8.prefix(step.maxBytes ?? 1)
                    }
                default:
                    if !literal.isEmpty { pieces.append(.literal(literal)) }
                    literal = []
                    pieces.append(.step(step))
                }
            }
        }
        if !literal.isEmpty { pieces.append(.literal(literal)) }
        shape = .text(pieces)
        self.omitsEmpty = omitsEmpty
    }

    /// A JSON object on a line: strings in `object` are formats, keys come out sorted, values keep their types. With
    /// `omitsEmpty` members without a value are left out. A format error's text names the member.
    public init(json object: [String: MetadataValue], omitsEmpty: Bool = false) throws(FormatError) {
        shape = .json(try JSONFormat(object, omitsEmpty: omitsEmpty))
        self.omitsEmpty = omitsEmpty
    }

    /// Appends one record to `out`.
    func write(
        _ info: inout StreamInfo, _ type: AccessLogType, now: Instant, into out: inout [UInt8],
        _ scratch: inout FormatScratch
    ) {
        let evaluation = FormatEvaluation(type: type, now: now)
        switch shape {
        case .text(let pieces):
            for piece in pieces {
                switch piece {
                case .literal(let bytes): out.append(contentsOf: bytes)
                case .step(let step):
                    if evaluation.write(step, &info, to: &out, &scratch) == .missing, !omitsEmpty {
                        out.append(UInt8(ascii: "-"))
                    }
                }
            }
        case .json(let format): format.write(evaluation, &info, into: &out, &scratch)
        }
    }
}
