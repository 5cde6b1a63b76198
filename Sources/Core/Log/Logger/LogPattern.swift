import CLinux
import Glibc

/// One line of the program's log, before it has a form.
struct LogEntry {
    let wallNS: UInt64
    let component: LogComponent
    let level: LogLevel
    let message: String
    let file: StaticString
    let line: Int
}

/// A compiled `--log-format` or `application_log_config.log_format`.
///
/// | Flag | Prints | Flag | Prints |
/// | --- | --- | --- | --- |
/// | `%v` | the message | `%_` | the message, newlines as `\n` |
/// | `%j` | the message, escaped for JSON | `%n` | the component |
/// | `%l` `%L` | the level, its letter | `%t` `%P` | thread and process number |
/// | `%g` `%s` `%#` `%@` | source path, file name, line, path:line | `%%` | a percent sign |
/// | `%Y %C %m %d %H %I %M %S %p` | parts of the local time | `%T %X %R %r %D %x %c` | times and dates |
/// | `%a %A %b %h %B %z` | names of days and months, offset | `%e %f %F %E` | ms, µs, ns, seconds since 1970 |
/// | `%^ %$` | begin and end of colour: nothing | | |
public struct LogPattern: Sendable {
    /// Envoy's default.
    public static let defaultText = "[%Y-%m-%d %T.%e][%t][%l][%n] [%g:%#] %v"

    public static let standard: LogPattern = {
        do throws(FormatError) {
            return try LogPattern(defaultText)
        } catch {
            preconditionFailure("The default log pattern is valid: \(error)")
        }
    }()

    private enum Piece: Sendable {
        case literal(String)
        case strftime([CChar])
        case message, escapedMessage, jsonMessage, component, level, levelLetter, thread, process, path, fileName, line
        case pathAndLine, milliseconds, microseconds, nanoseconds, epochSeconds
    }

    private let pieces: [Piece]

    public init(_ text: String) throws(FormatError) {
        pieces = try Self.parse(text, isJSON: false)
    }

    /// A JSON line: values are patterns, escaped as JSON; a message is written with `%j`.
    public init(json object: [String: MetadataValue]) throws(FormatError) {
        var pieces: [Piece] = [.literal("{")]
        let keys = object.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        for (index, key) in keys.enumerated() {
            var head: [UInt8] = index > 0 ? [UInt8(ascii: ",")] : []
            head.appendJSON(key)
            head.append(UInt8(ascii: ":"))
            guard case .string(let text)? = object[key] else {
                throw FormatError(offset: 0, reason: "\(key): a log format's values are strings")
            }
            pieces.append(.literal(String(decoding: head, as: UTF8.self) + "\""))
            do throws(FormatError) {
                pieces += try Self.parse(text, isJSON: true)
            } catch {
                throw FormatError(offset: error.offset, reason: "\(key): \(error.reason)")
            }
            pieces.append(.literal("\""))
        }
        self.pieces = pieces + [.literal("}")]
    }

    private static func parse(_ text: String, isJSON: Bool) throws(FormatError) -> [Piece] {
        let bytes = Array(text.utf8)
        var pieces: [Piece] = []
        var plain: [UInt8] = []
        func endPlain() {
            if !plain.isEmpty { pieces.append(.literal(literal(plain, isJSON))) }
            plain = []
        }
        var at = 0
        while at < bytes.count {
            guard bytes[at] == UInt8(ascii: "%") else {
                plain.append(bytes[at])
                at += 1
                continue
            }
            guard at + 1 < bytes.count else {
                throw FormatError(offset: at, reason: "a flag must follow %; write %% for %")
            }
            let flag = bytes[at + 1]
            if flag == UInt8(ascii: "%") {
                plain.append(flag)
            } else if flag == UInt8(ascii: "^") || flag == UInt8(ascii: "$") {
                // The range of colour; our output has none.
            } else if let piece = piece(flag) {
                if isJSON, case .message = piece {
                    throw FormatError(offset: at, reason: "%v is not for JSON, write %j")
                }
                if isJSON, case .escapedMessage = piece {
                    throw FormatError(offset: at, reason: "%_ is not for JSON, write %j")
                }
                endPlain()
                pieces.append(piece)
            } else {
                throw FormatError(offset: at, reason: "unknown flag %\(String(decoding: [flag], as: UTF8.self))")
            }
            at += 2
        }
        endPlain()
        return pieces
    }

    private static func literal(_ bytes: [UInt8], _ isJSON: Bool) -> String {
        var bytes = bytes
        if isJSON { bytes.escapeJSON(from: 0) }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func piece(_ flag: UInt8) -> Piece? {
        switch flag {
        case UInt8(ascii: "v"): .message
        case UInt8(ascii: "_"): .escapedMessage
        case UInt8(ascii: "j"): .jsonMessage
        case UInt8(ascii: "n"): .component
        case UInt8(ascii: "l"): .level
        case UInt8(ascii: "L"): .levelLetter
        case UInt8(ascii: "t"): .thread
        case UInt8(ascii: "P"): .process
        case UInt8(ascii: "g"): .path
        case UInt8(ascii: "s"): .fileName
        case UInt8(ascii: "#"): .line
        case UInt8(ascii: "@"): .pathAndLine
        case UInt8(ascii: "e"): .milliseconds
        case UInt8(ascii: "f"): .microseconds
        case UInt8(ascii: "F"): .nanoseconds
        case UInt8(ascii: "E"): .epochSeconds
        case UInt8(ascii: "D"), UInt8(ascii: "x"): .strftime(conversion("%m/%d/%y"))
        case UInt8(ascii: "T"), UInt8(ascii: "X"): .strftime(conversion("%H:%M:%S"))
        case UInt8(ascii: "C"): .strftime(conversion("%y"))
        case UInt8(ascii: "c"): .strftime(conversion("%a %b %e %H:%M:%S %Y"))
        case UInt8(ascii: "r"): .strftime(conversion("%I:%M:%S %p"))
        case UInt8(ascii: "Y"), UInt8(ascii: "m"), UInt8(ascii: "d"), UInt8(ascii: "H"), UInt8(ascii: "I"),
            UInt8(ascii: "M"), UInt8(ascii: "S"), UInt8(ascii: "p"), UInt8(ascii: "R"), UInt8(ascii: "a"),
            UInt8(ascii: "A"), UInt8(ascii: "b"), UInt8(ascii: "h"), UInt8(ascii: "B"), UInt8(ascii: "z"):
            .strftime([CChar(bitPattern: UInt8(ascii: "%")), CChar(bitPattern: flag), 0])
        default: nil
        }
    }

    private static func conversion(_ text: String) -> [CChar] { (Array(text.utf8) + [0]).map { CChar(bitPattern: $0) } }

    // MARK: Output

    func write(_ entry: LogEntry, into out: inout [UInt8]) {
        var seconds = time_t(truncatingIfNeeded: entry.wallNS / 1_000_000_000)
        let nanos = entry.wallNS % 1_000_000_000
        var parts = tm()
        localtime_r(&seconds, &parts)
        for piece in pieces {
            switch piece {
            case .literal(let text): out.append(contentsOf: text.utf8)
            case .strftime(let format):
                withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
                    guard let base = buffer.baseAddress else { return }
                    let count = strftime(base, buffer.count, format, &parts)
                    out.append(contentsOf: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count]))
                }
            case .message: out.append(contentsOf: entry.message.utf8)
            case .escapedMessage:
                for byte in entry.message.utf8 {
                    if byte == UInt8(ascii: "\n") { out.append(contentsOf: "\\n".utf8) } else { out.append(byte) }
                }
            case .jsonMessage:
                let start = out.count
                out.append(contentsOf: entry.message.utf8)
                out.escapeJSON(from: start)
            case .component: out.append(contentsOf: entry.component.name.utf8)
            case .level: out.append(contentsOf: entry.level.name.utf8)
            case .levelLetter: out.append(entry.level.letter)
            case .thread: out.appendDecimal(Int(linux_thread_id()))
            case .process: out.appendDecimal(Int(getpid()))
            case .path: append(entry.file, to: &out)
            case .fileName:
                let start = out.count
                append(entry.file, to: &out)
                if let slash = out[start...].lastIndex(of: UInt8(ascii: "/")) { out.removeSubrange(start...slash) }
            case .line: out.appendDecimal(entry.line)
            case .pathAndLine:
                append(entry.file, to: &out)
                out.append(UInt8(ascii: ":"))
                out.appendDecimal(entry.line)
            case .milliseconds: out.appendFraction(nanos, digits: 3)
            case .microseconds: out.appendFraction(nanos, digits: 6)
            case .nanoseconds: out.appendFraction(nanos, digits: 9)
            case .epochSeconds: out.appendDecimal(UInt64(seconds))
            }
        }
    }

    private func append(_ text: StaticString, to out: inout [UInt8]) {
        text.withUTF8Buffer { out.append(contentsOf: $0) }
    }
}
