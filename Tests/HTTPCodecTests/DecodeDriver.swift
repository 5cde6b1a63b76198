// Feeds a decoder piece by piece as a connection would, and writes down what it yields as text.

import HTTPCodec

struct DecodeResult: Equatable {
    var lines: [String] = []
    var error: String?
    var leftover = 0
}

enum DecodeDriver {
    /// Pieces are appended to a kept tail; used bytes are dropped; bodies and tunnels are joined.
    static func run(
        _ pieces: [[UInt8]], role: HTTP1Decoder.Role = .requests, limits: HTTP1Limits = HTTP1Limits(),
        responsesTo methods: [HTTP1Method] = [], endsWithClose: Bool = false, pausesOnUpgrade: Bool = false
    ) -> DecodeResult {
        var decoder = HTTP1Decoder(role, limits: limits, pausesOnUpgrade: pausesOnUpgrade)
        var due = methods[...]
        if role == .responses, let method = due.popFirst() { decoder.expectResponse(to: method) }
        var result = DecodeResult()
        var kept: [UInt8] = []
        for piece in pieces {
            kept += piece
            var more = true
            while more {
                do {
                    let event = try decoder.next(kept.span)
                    if event == .needMore { more = false } else { record(event, kept, &result) }
                    if event == .messageEnd, role == .responses, let method = due.popFirst() {
                        decoder.expectResponse(to: method)
                    }
                    kept.removeFirst(decoder.consumedBytes)
                } catch {
                    result.error = reason(error)
                    return result
                }
            }
        }
        if endsWithClose {
            do {
                let event = try decoder.finish()
                if event != .needMore { record(event, kept, &result) }
            } catch {
                result.error = reason(error)
            }
        }
        result.leftover = kept.count
        return result
    }

    static func run(
        _ text: String, role: HTTP1Decoder.Role = .requests, limits: HTTP1Limits = HTTP1Limits(),
        responsesTo methods: [HTTP1Method] = [], endsWithClose: Bool = false
    ) -> DecodeResult {
        run([Array(text.utf8)], role: role, limits: limits, responsesTo: methods, endsWithClose: endsWithClose)
    }

    /// An error without its offset: offsets depend on where the stream was cut.
    static func reason(_ error: HTTP1DecodeError) -> String {
        let text = "\(error)"
        return text.contains("(at:") ? String(text.prefix { $0 != "(" }) : text
    }

    private static func record(_ event: HTTP1Event, _ window: [UInt8], _ result: inout DecodeResult) {
        func text(_ range: ByteRange) -> String { String(decoding: window[range.range], as: UTF8.self) }
        func joined(_ prefix: String, _ range: ByteRange) {
            if let last = result.lines.last, last.hasPrefix(prefix) {
                result.lines[result.lines.count - 1] = last + text(range)
            } else {
                result.lines.append(prefix + text(range))
            }
        }
        switch event {
        case .needMore, .skipped: break
        case .requestLine(let line):
            result.lines.append(
                "\(text(line.methodName)) [\(line.method)] \(text(line.target)) \(line.form) 1.\(line.minorVersion)")
        case .statusLine(let line): result.lines.append("\(line.status) [\(text(line.reason))] 1.\(line.minorVersion)")
        case .field(let field): result.lines.append("\(text(field.name)): \(text(field.value)) #\(field.id.text)")
        case .headEnd(let end):
            let names: [(HTTP1HeadEnd.Flags, String)] = [
                (.keepAlive, "keepAlive"), (.expectContinue, "continue"), (.unknownExpectation, "expectation"),
                (.upgrade, "upgrade"), (.interim, "interim"),
            ]
            let flags = names.filter { end.flags.contains($0.0) }.map(\.1).joined(separator: " ")
            result.lines.append("head \(end.framing) \(flags)")
        case .bodyBytes(let range): joined("body ", range)
        case .trailer(let field): result.lines.append("trailer \(text(field.name)): \(text(field.value))")
        case .messageEnd: result.lines.append("end")
        case .tunnelBytes(let range): joined("tunnel ", range)
        }
    }

    /// Whole, byte by byte, and cut in two at every offset.
    static func allCuts(of bytes: [UInt8]) -> [[[UInt8]]] {
        var cuts = [[bytes], bytes.map { [$0] }]
        for cut in 1..<max(bytes.count, 2) where cut < bytes.count {
            cuts.append([Array(bytes[..<cut]), Array(bytes[cut...])])
        }
        return cuts
    }
}
