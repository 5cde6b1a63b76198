// Composes a YAMLTree from libyaml's events. Yams' own composer refuses duplicate keys, which Envoy takes, and builds
// a tree several times larger; its C parser is the same one and comes with the package.
import CYaml

/// Why a text could not be composed.
struct YAMLFault: Error {
    var text: String
    /// Counted from one.
    var line: Int
    var column: Int
}

/// Reads events into a tree. Iterative, so that nesting costs no stack; libyaml itself stops at 1,000 levels.
struct YAMLComposer {
    /// Texts and node counts above these are refused: indices are 32 bits.
    static let maxBytes = 256 << 20

    /// A container that is still open.
    private struct Open {
        var node: Int32
        var entries: [Int32] = []
    }

    private var tree = YAMLTree()
    private var open: [Open] = []
    private var anchors: [String: Int32] = [:]
    private var unfinished: Set<Int32> = []
    private var documents = 0

    static func compose(_ bytes: [UInt8]) throws(YAMLFault) -> YAMLTree {
        guard bytes.count <= maxBytes else {
            throw YAMLFault(text: "the text is longer than \(maxBytes) bytes", line: 1, column: 1)
        }
        var composer = YAMLComposer()
        try composer.run(bytes)
        return composer.tree
    }

    private mutating func run(_ bytes: [UInt8]) throws(YAMLFault) {
        // libyaml keeps a pointer to the parser inside the parser, so it must not move.
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { parser.deallocate() }
        guard yaml_parser_initialize(parser) == 1 else {
            throw YAMLFault(text: "out of memory", line: 1, column: 1)
        }
        defer { yaml_parser_delete(parser) }
        tree.text.reserveCapacity(bytes.count)
        var fault: YAMLFault?
        bytes.withUnsafeBufferPointer { buffer in
            yaml_parser_set_input_string(parser, buffer.baseAddress, buffer.count)
            var isDone = false
            while !isDone && fault == nil {
                var event = yaml_event_t()
                guard yaml_parser_parse(parser, &event) == 1 else {
                    fault = Self.fault(of: parser.pointee)
                    return
                }
                do throws(YAMLFault) {
                    isDone = try take(event)
                } catch {
                    fault = error
                }
                yaml_event_delete(&event)
            }
        }
        if let fault { throw fault }
    }

    /// Takes one event; true after the last one of interest.
    private mutating func take(_ event: yaml_event_t) throws(YAMLFault) -> Bool {
        switch event.type {
        case YAML_STREAM_END_EVENT:
            return true
        case YAML_DOCUMENT_START_EVENT:
            documents += 1
            if documents == 2 {
                tree.secondDocumentLine = Int(event.start_mark.line) + 1
                return true
            }
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let first = tree.text.count
            if let value = scalar.value {
                tree.text.append(contentsOf: UnsafeBufferPointer(start: value, count: scalar.length))
            }
            let isPlain = scalar.style == YAML_PLAIN_SCALAR_STYLE
            let node = append(
                isPlain ? .plainScalar : .quotedScalar, event.start_mark, first: first, count: scalar.length)
            name(node, scalar.anchor)
            attach(node)
        case YAML_SEQUENCE_START_EVENT:
            let node = append(.sequence, event.start_mark, first: 0, count: 0)
            name(node, event.data.sequence_start.anchor)
            unfinished.insert(node)
            open.append(Open(node: node))
        case YAML_MAPPING_START_EVENT:
            let node = append(.mapping, event.start_mark, first: 0, count: 0)
            name(node, event.data.mapping_start.anchor)
            unfinished.insert(node)
            open.append(Open(node: node))
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
            guard let closed = open.popLast() else { return true }
            unfinished.remove(closed.node)
            tree.nodes[Int(closed.node)].first = Int32(tree.children.count)
            tree.nodes[Int(closed.node)].count = Int32(closed.entries.count)
            tree.children.append(contentsOf: closed.entries)
            attach(closed.node)
        case YAML_ALIAS_EVENT:
            let anchor = event.data.alias.anchor.map { String(cString: $0) } ?? ""
            let line = Int(event.start_mark.line) + 1
            let column = Int(event.start_mark.column) + 1
            guard let target = anchors[anchor] else {
                throw YAMLFault(text: "the alias *\(anchor) has no anchor before it", line: line, column: column)
            }
            guard !unfinished.contains(target) else {
                throw YAMLFault(text: "the alias *\(anchor) stands inside its own anchor", line: line, column: column)
            }
            attach(target)
        default:
            break
        }
        return false
    }

    private mutating func append(_ kind: YAMLTree.Kind, _ mark: yaml_mark_t, first: Int, count: Int) -> Int32 {
        tree.nodes.append(
            YAMLTree.Node(
                kind: kind, line: Int32(clamping: mark.line), column: Int32(clamping: mark.column),
                first: Int32(first), count: Int32(count)))
        return Int32(tree.nodes.count - 1)
    }

    private mutating func name(_ node: Int32, _ anchor: UnsafeMutablePointer<yaml_char_t>?) {
        if let anchor { anchors[String(cString: anchor)] = node }
    }

    private mutating func attach(_ node: Int32) {
        if open.isEmpty {
            if tree.root == nil { tree.root = node }
        } else {
            open[open.count - 1].entries.append(node)
        }
    }

    private static func fault(of parser: yaml_parser_t) -> YAMLFault {
        var text = parser.problem.map { String(cString: $0) } ?? "not YAML"
        if let context = parser.context { text += " (\(String(cString: context)))" }
        if parser.error == YAML_READER_ERROR {
            return YAMLFault(text: "\(text), at byte \(parser.problem_offset)", line: 1, column: 1)
        }
        return YAMLFault(
            text: text, line: Int(parser.problem_mark.line) + 1, column: Int(parser.problem_mark.column) + 1)
    }
}
