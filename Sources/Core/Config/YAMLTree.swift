// The tree of a YAML (or JSON) document with its marks, flat in memory: nodes refer to each other by index, and an
// alias is simply a second reference to the same node, so a document can never grow while it is composed.

/// A composed document.
package struct YAMLTree: Sendable {
    /// What a node is.
    enum Kind: UInt8, Sendable {
        case plainScalar, quotedScalar, sequence, mapping
    }

    /// One node; `first` and `count` bound a scalar's bytes in `text` or a container's entries in `children`.
    struct Node: Sendable {
        var kind: Kind
        /// Counted from zero, as the parser does.
        var line: Int32
        var column: Int32
        var first: Int32
        var count: Int32
    }

    var nodes: [Node] = []
    /// Entries of sequences, and keys and values by turns of mappings.
    var children: [Int32] = []
    var text: [UInt8] = []
    /// The first document's root; nil when the text holds no document.
    var root: Int32?
    /// Where a second document starts, when there is one: it is not read.
    var secondDocumentLine: Int?

    /// The number of entries of a sequence, or of pairs of a mapping.
    func entryCount(_ node: Int32) -> Int {
        let record = nodes[Int(node)]
        return record.kind == .mapping ? Int(record.count) / 2 : Int(record.count)
    }

    func item(_ node: Int32, _ index: Int) -> Int32 {
        children[Int(nodes[Int(node)].first) + index]
    }

    func key(_ node: Int32, _ pair: Int) -> Int32 {
        children[Int(nodes[Int(node)].first) + 2 * pair]
    }

    func value(_ node: Int32, _ pair: Int) -> Int32 {
        children[Int(nodes[Int(node)].first) + 2 * pair + 1]
    }

    func bytes(_ node: Int32) -> ArraySlice<UInt8> {
        let record = nodes[Int(node)]
        return text[Int(record.first)..<Int(record.first) + Int(record.count)]
    }

    func string(_ node: Int32) -> String {
        String(decoding: bytes(node), as: UTF8.self)
    }

    func isScalar(_ node: Int32) -> Bool {
        let kind = nodes[Int(node)].kind
        return kind == .plainScalar || kind == .quotedScalar
    }

    /// An unquoted null in any of its spellings, or nothing at all.
    func isNull(_ node: Int32) -> Bool {
        let record = nodes[Int(node)]
        guard record.kind == .plainScalar else { return false }
        switch record.count {
        case 0: return true
        case 1: return text[Int(record.first)] == UInt8(ascii: "~")
        case 4: return ["null", "Null", "NULL"].contains(string(node))
        default: return false
        }
    }

    /// The value of the last pair with this key in either spelling, with the key's node.
    func lookUp(_ node: Int32, _ name: String, _ otherName: String) -> (key: Int32, value: Int32)? {
        guard nodes[Int(node)].kind == .mapping else { return nil }
        for pair in stride(from: entryCount(node) - 1, through: 0, by: -1) {
            let keyNode = key(node, pair)
            guard isScalar(keyNode) else { continue }
            let bytes = bytes(keyNode)
            if bytes.elementsEqual(name.utf8) || bytes.elementsEqual(otherName.utf8) {
                return (keyNode, value(node, pair))
            }
        }
        return nil
    }
}
