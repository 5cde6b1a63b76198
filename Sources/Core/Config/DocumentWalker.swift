// The walk from a document's tree to a message: the descriptor set says what may stand where, the tree says what does,
// and the result is the message in wire form. All problems are collected; a part with a problem is left out.
import ConfigAPI

/// Walks one document. Recursion follows the tree, bounded by `maxDepth`; work is bounded by `maxVisits`, which is what
/// a document of nested aliases (a "YAML bomb") runs into.
struct DocumentWalker {
    /// Wire nesting; a Struct costs three levels for one of YAML.
    static let maxDepth = 96
    /// Visits that aliases may add to the number of nodes.
    static let maxAliasVisits = 1_000_000
    static let maxProblems = 200

    let tree: YAMLTree
    let fileName: String
    let isJSON: Bool
    let catalog: ExtensionCatalog
    /// Turns unknown fields into warnings.
    let allowsUnknownFields: Bool
    let schema = Schema.shared

    var writer = WireWriter()
    var path = ConfigPath()
    var problems: [ConfigProblem] = []
    /// What a typed configuration found below is for, when the message that holds it does not say.
    var place: ExtensionCategory?
    /// The `name` of each extension being walked, for reports about its configuration.
    var extensionNames: [String?] = []
    private var visits = 0
    private var depth = 0
    private var isOverLimit = false

    init(tree: YAMLTree, fileName: String, isJSON: Bool, catalog: ExtensionCatalog, allowsUnknownFields: Bool) {
        self.tree = tree
        self.fileName = fileName
        self.isJSON = isJSON
        self.catalog = catalog
        self.allowsUnknownFields = allowsUnknownFields
    }

    /// Walks the root as a message of the given name and returns its wire form.
    mutating func walk(as messageName: String) -> [UInt8] {
        guard let root = tree.root else {
            report(nil, "the document is empty", allowed: "an object")
            return []
        }
        guard let message = schema.message(named: messageName) else { return [] }
        if let line = tree.secondDocumentLine {
            problems.append(
                ConfigProblem(
                    severity: .warning, file: fileName, line: line, column: 1, path: "",
                    text: "a second document starts here; only the first one is read"))
        }
        guard tree.nodes[Int(root)].kind == .mapping else {
            report(root, "the document must be an object", found: describe(root))
            return []
        }
        fields(of: root, message)
        return writer.bytes
    }

    // MARK: Messages

    /// Writes the fields of a mapping.
    mutating func fields(of node: Int32, _ message: MessageSchema, skipping skipped: String? = nil) {
        guard tree.nodes[Int(node)].kind == .mapping else {
            report(node, "must be an object", found: describe(node))
            return
        }
        guard enter(node) else { return }
        defer { leave() }
        let outerPlace = place
        if let category = message.holderCategory { place = category }
        let isHolder = message.holderCategory != nil || message.isTypedExtension && place != nil
        if isHolder {
            let name = tree.lookUp(node, "name", "name")?.value
            extensionNames.append(name.flatMap { tree.isScalar($0) ? tree.string($0) : nil })
        }
        defer {
            place = outerPlace
            if isHolder { extensionNames.removeLast() }
        }

        var chosen: [(field: Int, pair: Int32)] = []
        var oneofs: [(group: Int, field: Int)] = []
        var isWhole = true
        let count = tree.entryCount(node)
        for pair in 0..<count {
            let keyNode = tree.key(node, pair)
            guard tree.isScalar(keyNode) else {
                report(keyNode, "a field's name must be a scalar", found: describe(keyNode))
                isWhole = false
                continue
            }
            let name = tree.string(keyNode)
            if name == skipped { continue }
            guard let index = message.indexByName[name] else {
                unknownField(keyNode, name, message)
                isWhole = false
                continue
            }
            if let earlier = chosen.firstIndex(where: { $0.field == index }) {
                path.steps.append(.field(message.fields[index].name))
                let line = tree.nodes[Int(tree.key(node, Int(chosen[earlier].pair)))].line + 1
                report(
                    keyNode, "duplicate key: this later one counts, the one in line \(line) is ignored",
                    severity: .warning)
                path.steps.removeLast()
                chosen[earlier].pair = Int32(pair)
            } else {
                chosen.append((index, Int32(pair)))
            }
        }
        for (index, pair) in chosen {
            let field = message.fields[index]
            let value = tree.value(node, Int(pair))
            path.steps.append(.field(field.name))
            if let group = field.oneof, !tree.isNull(value) {
                if let other = oneofs.first(where: { $0.group == group }) {
                    report(
                        tree.key(node, Int(pair)),
                        "\(field.name) and \(message.fields[other.field].name) exclude each other: "
                            + "only one of \(memberNames(message, group)) may be set")
                    path.steps.removeLast()
                    continue
                }
                oneofs.append((group, index))
            }
            self.field(value, field)
            path.steps.removeLast()
        }
        if isHolder, let category = place {
            completeExtension(node, message, category, isWhole: isWhole)
        }
    }

    private func memberNames(_ message: MessageSchema, _ group: Int) -> String {
        message.oneofs[group].members.map { message.fields[$0].name }.joined(separator: ", ")
    }

    private mutating func unknownField(_ keyNode: Int32, _ name: String, _ message: MessageSchema) {
        path.steps.append(.field(name))
        defer { path.steps.removeLast() }
        if let reserved = message.reservedName(for: name) {
            report(
                keyNode, "\"\(reserved)\" is a field of Envoy's \(message.fullName) that Sluice does not honour yet")
            return
        }
        let known = message.fields.map(\.name)
        let nearest = NearestName.find(name, among: known + message.reservedNames)
        var allowed: String?
        if nearest == nil {
            allowed = known.isEmpty ? "no field at all" : known.count <= 12 ? known.joined(separator: ", ") : nil
        }
        report(
            keyNode, "unknown field in \(message.fullName)", allowed: allowed, nearest: nearest,
            severity: allowsUnknownFields ? .warning : .error)
    }

    /// Writes one field, whatever its cardinality.
    private mutating func field(_ node: Int32, _ field: FieldSchema) {
        let outerPlace = place
        if let category = field.place { place = category }
        defer { place = outerPlace }
        if field.isMap {
            if !tree.isNull(node) { map(node, field) }
        } else if field.isRepeated {
            if !tree.isNull(node) {
                var index = 0
                list(node, field, &index)
            }
        } else if tree.isNull(node), !isValue(field.type) {
            return
        } else {
            single(node, field, isElement: false)
        }
    }

    private func isValue(_ type: FieldType) -> Bool {
        if case .message(let index) = type { return schema.messages[index].kind == .value }
        return false
    }

    /// Writes a list's items. A single value stands for a list of one, and lists in lists are one list, as in Envoy.
    private mutating func list(_ node: Int32, _ field: FieldSchema, _ index: inout Int) {
        guard tree.nodes[Int(node)].kind == .sequence else {
            path.steps.append(.index(index))
            single(node, field, isElement: true)
            path.steps.removeLast()
            index += 1
            return
        }
        guard enter(node) else { return }
        defer { leave() }
        for position in 0..<tree.entryCount(node) where !isOverLimit {
            list(tree.item(node, position), field, &index)
        }
    }

    private mutating func map(_ node: Int32, _ field: FieldSchema) {
        guard case .message(let entryIndex) = field.type else { return }
        let entry = schema.messages[entryIndex]
        guard tree.nodes[Int(node)].kind == .mapping, entry.fields.count == 2 else {
            report(node, "must be an object (a map)", found: describe(node))
            return
        }
        guard enter(node) else { return }
        defer { leave() }
        for (key, pair) in entries(of: node) {
            path.steps.append(.key(key))
            let start = writer.begin(field.number)
            writeMapKey(key, entry.fields[0], tree.key(node, pair))
            let value = tree.value(node, pair)
            single(value, entry.fields[1], isElement: true)
            writer.end(start)
            path.steps.removeLast()
        }
    }

    /// The keys of an object in their order. Of a duplicate key the last value counts, with a warning, in the first's place.
    mutating func entries(of node: Int32) -> [(key: String, pair: Int)] {
        var seen: [String: Int] = [:]
        var order: [(key: String, pair: Int)] = []
        for pair in 0..<tree.entryCount(node) {
            guard let key = mapKey(node, pair) else { continue }
            if let earlier = seen[key] {
                warnDuplicateKey(node, pair, key, earlierPair: order[earlier].pair)
                order[earlier].pair = pair
            } else {
                seen[key] = order.count
                order.append((key, pair))
            }
        }
        return order
    }

    func mapKeyText(_ node: Int32, _ pair: Int) -> String? {
        let keyNode = tree.key(node, pair)
        return tree.isScalar(keyNode) ? tree.string(keyNode) : nil
    }

    mutating func mapKey(_ node: Int32, _ pair: Int) -> String? {
        if let key = mapKeyText(node, pair) { return key }
        report(tree.key(node, pair), "a key must be a scalar", found: describe(tree.key(node, pair)))
        return nil
    }

    mutating func warnDuplicateKey(_ node: Int32, _ pair: Int, _ key: String, earlierPair: Int) {
        path.steps.append(.key(key))
        let line = tree.nodes[Int(tree.key(node, earlierPair))].line + 1
        report(
            tree.key(node, pair), "duplicate key: this later one counts, the one in line \(line) is ignored",
            severity: .warning)
        path.steps.removeLast()
    }

    private mutating func writeMapKey(_ key: String, _ field: FieldSchema, _ node: Int32) {
        if field.type == .string {
            writer.string(1, key)
        } else {
            scalar(.string(key), node, field, isElement: true)
        }
    }

    /// Writes one value with its tag.
    private mutating func single(_ node: Int32, _ field: FieldSchema, isElement: Bool) {
        guard case .message(let index) = field.type else {
            if tree.isScalar(node) {
                scalar(ScalarValue(tree, node, isJSON: isJSON), node, field, isElement: isElement)
            } else {
                report(node, "must be \(typeWords(field.type))", found: describe(node))
                // The item keeps its place, so that paths to later ones stay right.
                if isElement { defaultScalar(field) }
            }
            return
        }
        let start = writer.begin(field.number)
        let isWritten = value(node, schema.messages[index], isElement: isElement)
        if isWritten || isElement {
            writer.end(start)
        } else {
            // A tag of a message that could not be read: take it back.
            dropTag(start, field.number)
        }
    }

    private mutating func dropTag(_ start: Int, _ number: Int) {
        var tag = WireWriter()
        tag.tag(number, .lengthDelimited)
        writer.bytes.removeSubrange((start - tag.bytes.count)...)
    }

    // MARK: Limits and reports

    /// Counts a visit and a level; false when a limit is reached.
    mutating func enter(_ node: Int32) -> Bool {
        guard !isOverLimit else { return false }
        visits += 1 + tree.entryCount(node)
        if visits > tree.children.count + tree.nodes.count + Self.maxAliasVisits {
            isOverLimit = true
            report(node, "aliases expand to more than \(Self.maxAliasVisits) values")
            return false
        }
        if depth >= Self.maxDepth {
            report(node, "nested too deeply", allowed: "\(Self.maxDepth) levels")
            return false
        }
        depth += 1
        return true
    }

    mutating func leave() {
        depth -= 1
    }

    mutating func report(
        _ node: Int32?, _ text: String, found: String? = nil, allowed: String? = nil, nearest: String? = nil,
        severity: ConfigProblem.Severity = .error
    ) {
        guard problems.count < Self.maxProblems else {
            if problems.count == Self.maxProblems {
                problems.append(
                    ConfigProblem(file: fileName, path: "", text: "more than \(Self.maxProblems) problems"))
            }
            return
        }
        let record = node.map { tree.nodes[Int($0)] }
        problems.append(
            ConfigProblem(
                severity: severity, file: fileName, line: record.map { Int($0.line) + 1 } ?? 1,
                column: record.map { Int($0.column) + 1 } ?? 1, path: path.description, found: found,
                allowed: allowed, nearest: nearest, text: text))
    }

    /// A value in a few words, for messages to people.
    func describe(_ node: Int32) -> String {
        switch tree.nodes[Int(node)].kind {
        case .sequence: return "a list"
        case .mapping: return "an object"
        case .plainScalar, .quotedScalar: return ScalarValue(tree, node, isJSON: isJSON).found
        }
    }
}
