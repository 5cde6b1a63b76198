/// A JSON record format, compiled to a tree.
///
/// A string that is one operator keeps the operator's type; a string that mixes operators and text is a string, with
/// `-` for what is missing. Members are sorted by the bytes of their keys.
struct JSONFormat: Sendable {
    private indirect enum Node: Sendable {
        /// Fixed JSON, escaped at load.
        case raw([UInt8])
        case null
        case single(FormatStep)
        case mixed([FormatParser.Piece])
        /// Keys are quoted, escaped and followed by a colon.
        case object([(key: [UInt8], value: Node)])
        case list([Node])
    }

    private let root: Node
    private let omitsEmpty: Bool

    init(_ object: [String: MetadataValue], omitsEmpty: Bool) throws(FormatError) {
        root = try Self.compile(.object(object), at: "")
        self.omitsEmpty = omitsEmpty
    }

    private static func compile(_ value: MetadataValue, at path: String) throws(FormatError) -> Node {
        switch value {
        case .null: return .null
        case .number, .bool:
            var bytes: [UInt8] = []
            bytes.appendJSON(value)
            return .raw(bytes)
        case .string(let text):
            do throws(FormatError) {
                let pieces = try FormatParser.parse(text)
                if pieces.count == 1, case .step(let step) = pieces[0] { return .single(step) }
                let isLiteral = pieces.allSatisfy { if case .literal = $0 { true } else { false } }
                guard isLiteral else { return .mixed(pieces) }
                var bytes: [UInt8] = []
                bytes.appendJSON(pieces.map { if case .literal(let text) = $0 { text } else { "" } }.joined())
                return .raw(bytes)
            } catch {
                throw FormatError(offset: error.offset, reason: "\(path): \(error.reason)")
            }
        case .list(let values):
            var nodes: [Node] = []
            for (index, value) in values.enumerated() { nodes.append(try compile(value, at: "\(path)[\(index)]")) }
            return .list(nodes)
        case .object(let members):
            var nodes: [(key: [UInt8], value: Node)] = []
            for key in members.keys.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
                guard let value = members[key] else { continue }
                var bytes: [UInt8] = []
                bytes.appendJSON(key)
                bytes.append(UInt8(ascii: ":"))
                nodes.append((bytes, try compile(value, at: path.isEmpty ? key : "\(path).\(key)")))
            }
            return .object(nodes)
        }
    }

    func write(
        _ evaluation: FormatEvaluation, _ info: inout StreamInfo, into out: inout [UInt8],
        _ scratch: inout FormatScratch
    ) {
        if !write(root, evaluation, &info, into: &out, &scratch) { out.append(contentsOf: "{}".utf8) }
        out.append(UInt8(ascii: "\n"))
    }

    /// False when the node has no value and is to be left out; nothing was written then.
    private func write(
        _ node: Node, _ evaluation: FormatEvaluation, _ info: inout StreamInfo, into out: inout [UInt8],
        _ scratch: inout FormatScratch
    ) -> Bool {
        switch node {
        case .raw(let bytes): out.append(contentsOf: bytes)
        case .null: return writeNull(to: &out)
        case .single(let step): return write(step, evaluation, &info, into: &out, &scratch)
        case .mixed(let pieces):
            out.append(UInt8(ascii: "\""))
            let start = out.count
            for piece in pieces {
                switch piece {
                case .literal(let text): out.append(contentsOf: text.utf8)
                case .step(let step):
                    if evaluation.write(step, &info, to: &out, &scratch) == .missing, !omitsEmpty {
                        out.append(UInt8(ascii: "-"))
                    }
                }
            }
            out.escapeJSON(from: start)
            out.append(UInt8(ascii: "\""))
        case .object(let members):
            let start = out.count
            out.append(UInt8(ascii: "{"))
            var isFirst = true
            for (key, value) in members {
                let before = out.count
                if !isFirst { out.append(UInt8(ascii: ",")) }
                out.append(contentsOf: key)
                if write(value, evaluation, &info, into: &out, &scratch) {
                    isFirst = false
                } else {
                    out.removeLast(out.count - before)
                }
            }
            if omitsEmpty, isFirst {
                out.removeLast(out.count - start)
                return false
            }
            out.append(UInt8(ascii: "}"))
        case .list(let values):
            out.append(UInt8(ascii: "["))
            var isFirst = true
            for value in values {
                let before = out.count
                if !isFirst { out.append(UInt8(ascii: ",")) }
                if write(value, evaluation, &info, into: &out, &scratch) {
                    isFirst = false
                } else {
                    out.removeLast(out.count - before)
                }
            }
            out.append(UInt8(ascii: "]"))
        }
        return true
    }

    private func write(
        _ step: FormatStep, _ evaluation: FormatEvaluation, _ info: inout StreamInfo, into out: inout [UInt8],
        _ scratch: inout FormatScratch
    ) -> Bool {
        let start = out.count
        out.append(UInt8(ascii: "\""))
        switch evaluation.write(step, &info, to: &out, &scratch) {
        case .missing:
            out.removeLast(out.count - start)
            return writeNull(to: &out)
        case .text:
            out.escapeJSON(from: start + 1)
            out.append(UInt8(ascii: "\""))
        case .number, .json: out.remove(at: start)
        }
        return true
    }

    private func writeNull(to out: inout [UInt8]) -> Bool {
        if omitsEmpty { return false }
        out.append(contentsOf: "null".utf8)
        return true
    }
}
