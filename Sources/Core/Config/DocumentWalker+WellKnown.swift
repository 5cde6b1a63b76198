// Messages with a form of their own in the walk: wrappers, durations, Struct and Value, and Any with its type URL.
import ConfigAPI

extension DocumentWalker {
    /// Writes a message's content; false when nothing could be read.
    mutating func value(_ node: Int32, _ message: MessageSchema, isElement: Bool) -> Bool {
        switch message.kind {
        case .none:
            if tree.isNull(node) { return true }
            guard tree.nodes[Int(node)].kind == .mapping else {
                report(node, "must be an object", found: describe(node))
                return false
            }
            fields(of: node, message)
            return true
        case .wrapper:
            if tree.isNull(node) { return true }
            if tree.nodes[Int(node)].kind == .mapping {
                fields(of: node, message)
            } else if tree.isScalar(node) {
                let before = problems.count
                scalar(ScalarValue(tree, node, isJSON: isJSON), node, message.fields[0], isElement: false)
                return problems.count == before
            } else {
                report(node, "must be \(typeWords(message.fields[0].type))", found: describe(node))
                return false
            }
            return true
        case .duration: return duration(node, message)
        case .any: return any(node)
        case .structure: return structure(node)
        case .list: return listValue(node)
        case .value: return jsonValue(node)
        case .timestamp, .fieldMask:
            report(node, "cannot be given in a file")
            return false
        }
    }

    // MARK: Durations

    private mutating func duration(_ node: Int32, _ message: MessageSchema) -> Bool {
        if tree.isNull(node) { return true }
        if tree.nodes[Int(node)].kind == .mapping {
            fields(of: node, message)
            return true
        }
        let allowed = "seconds with the unit s, such as \"5s\" or \"0.25s\""
        guard tree.isScalar(node) else {
            report(node, "must be a duration", found: describe(node), allowed: allowed)
            return false
        }
        let value = ScalarValue(tree, node, isJSON: isJSON)
        guard case .string(let text) = value, let parsed = DurationText.parse(text) else {
            var nearest: String?
            switch value {
            case .number(let seconds): nearest = "\(seconds)s"
            case .string(let text): nearest = DurationText.suggestion(for: text)
            default: break
            }
            report(node, "not a duration", found: value.found, allowed: allowed, nearest: nearest)
            return false
        }
        if parsed.seconds != 0 {
            writer.tag(1, .varint)
            writer.varint(UInt64(bitPattern: parsed.seconds))
        }
        if parsed.nanos != 0 {
            writer.tag(2, .varint)
            writer.varint(UInt64(bitPattern: Int64(parsed.nanos)))
        }
        return true
    }

    // MARK: Struct, Value, ListValue

    private mutating func structure(_ node: Int32) -> Bool {
        if tree.isNull(node) { return true }
        guard tree.nodes[Int(node)].kind == .mapping else {
            report(node, "must be an object", found: describe(node))
            return false
        }
        guard enter(node) else { return false }
        defer { leave() }
        for (key, pair) in entries(of: node) {
            path.steps.append(.key(key))
            let entry = writer.begin(1)
            writer.string(1, key)
            let value = writer.begin(2)
            _ = jsonValue(tree.value(node, pair))
            writer.end(value)
            writer.end(entry)
            path.steps.removeLast()
        }
        return true
    }

    private mutating func listValue(_ node: Int32) -> Bool {
        if tree.isNull(node) { return true }
        guard tree.nodes[Int(node)].kind == .sequence else {
            report(node, "must be a list", found: describe(node))
            return false
        }
        guard enter(node) else { return false }
        defer { leave() }
        for index in 0..<tree.entryCount(node) {
            path.steps.append(.index(index))
            let start = writer.begin(1)
            _ = jsonValue(tree.item(node, index))
            writer.end(start)
            path.steps.removeLast()
        }
        return true
    }

    private mutating func jsonValue(_ node: Int32) -> Bool {
        guard enter(node) else { return false }
        defer { leave() }
        switch tree.nodes[Int(node)].kind {
        case .mapping:
            let start = writer.begin(5)
            _ = structure(node)
            writer.end(start)
        case .sequence:
            let start = writer.begin(6)
            _ = listValue(node)
            writer.end(start)
        case .plainScalar, .quotedScalar:
            switch ScalarValue(tree, node, isJSON: isJSON) {
            case .null:
                writer.tag(1, .varint)
                writer.varint(0)
            case .number(let number):
                writer.tag(2, .fixed64)
                writer.fixed64(Double(number).bitPattern)
            case .decimal(let text):
                writer.tag(2, .fixed64)
                writer.fixed64((NumberText.decimal(text) ?? 0).bitPattern)
            case .string(let text):
                writer.string(3, text)
            case .bool(let isTrue):
                writer.tag(4, .varint)
                writer.varint(isTrue ? 1 : 0)
            }
        }
        return true
    }

    // MARK: Any

    private static let typedStructs = ["xds.type.v3.TypedStruct", "udpa.type.v1.TypedStruct"]

    private mutating func any(_ node: Int32) -> Bool {
        if tree.isNull(node) { return false }
        guard tree.nodes[Int(node)].kind == .mapping else {
            report(node, "must be an object with \"@type\"", found: describe(node))
            return false
        }
        guard let (_, typeNode) = tree.lookUp(node, "@type", "@type") else {
            var text = "\"@type\" is missing"
            if let place, let name = siblingName, let known = catalog.find(name: name, in: place) {
                text += "; for \(known.name) add \"@type\": \(known.typeURL)"
                report(node, text)
            } else {
                report(node, text, allowed: place.map { typeURLs($0) })
            }
            return false
        }
        guard let type = typeName(typeNode) else { return false }
        if Self.typedStructs.contains(type.name) {
            return typedStruct(node)
        }
        return any(node, type, contentNode: node, typeNode: typeNode)
    }

    /// Writes an Any whose content stands in `contentNode` (nil when it is empty).
    private mutating func any(
        _ node: Int32, _ type: (url: String, name: String), contentNode: Int32?, typeNode: Int32
    ) -> Bool {
        guard let message = acceptedMessage(type, typeNode) else { return false }
        writer.string(1, type.url)
        let start = writer.begin(2)
        // Inside, places are named anew by the messages there.
        let outerPlace = place
        place = nil
        if let contentNode {
            if message.kind == .none {
                fields(of: contentNode, message, skipping: "@type")
            } else if let (_, inner) = tree.lookUp(contentNode, "value", "value") {
                _ = value(inner, message, isElement: false)
            }
        }
        place = outerPlace
        writer.end(start)
        return true
    }

    /// A TypedStruct is replaced by the message that it describes.
    private mutating func typedStruct(_ node: Int32) -> Bool {
        guard enter(node) else { return false }
        defer { leave() }
        guard let (_, urlNode) = tree.lookUp(node, "type_url", "typeUrl") else {
            report(node, "a TypedStruct needs \"type_url\"", allowed: place.map { typeURLs($0) })
            return false
        }
        for pair in 0..<tree.entryCount(node) {
            let keyNode = tree.key(node, pair)
            let name = tree.isScalar(keyNode) ? tree.string(keyNode) : ""
            if !["@type", "type_url", "typeUrl", "value"].contains(name) {
                path.steps.append(.field(name))
                report(
                    keyNode, "unknown field in a TypedStruct", allowed: "type_url, value",
                    severity: allowsUnknownFields ? .warning : .error)
                path.steps.removeLast()
            }
        }
        guard let type = typeName(urlNode) else { return false }
        var content = tree.lookUp(node, "value", "value")?.value
        if let found = content, tree.isNull(found) { content = nil }
        if let content, tree.nodes[Int(content)].kind != .mapping {
            path.steps.append(.field("value"))
            report(content, "must be an object", found: describe(content))
            path.steps.removeLast()
            return false
        }
        return any(node, type, contentNode: content, typeNode: urlNode)
    }

    /// Splits a type URL; reports one that is none.
    private mutating func typeName(_ node: Int32) -> (url: String, name: String)? {
        guard tree.isScalar(node), case .string(let url) = ScalarValue(tree, node, isJSON: isJSON) else {
            report(node, "a type URL must be a string", found: describe(node))
            return nil
        }
        guard let slash = url.lastIndex(of: "/"), slash != url.startIndex else {
            let name = url.hasPrefix("/") ? String(url.dropFirst()) : url
            let isKnown = schema.message(named: name) != nil
            report(
                node, "a type URL needs a host before its name", found: "\"\(url)\"",
                nearest: isKnown ? ExtensionCatalog.typeURLPrefix + name : nil)
            return nil
        }
        return (url, String(url[url.index(after: slash)...]))
    }

    /// The message of a type URL when it may stand here; otherwise a report that names those that may.
    private mutating func acceptedMessage(_ type: (url: String, name: String), _ node: Int32) -> MessageSchema? {
        let message = schema.message(named: type.name)
        guard let place else {
            if let message { return message }
            unknownType(type, node, allowed: nil, candidates: schema.messageNames)
            return nil
        }
        if let message, catalog.extensions.contains(where: { $0.category == place && $0.typeName == type.name }) {
            return message
        }
        if let other = catalog.find(typeName: type.name) {
            report(
                node, "\(type.name) is \(other.category.withArticle), here \(place.withArticle) is wanted",
                allowed: typeURLs(place))
        } else {
            unknownType(type, node, allowed: typeURLs(place), candidates: catalog.all(place).map(\.typeName))
        }
        return nil
    }

    private mutating func unknownType(
        _ type: (url: String, name: String), _ node: Int32, allowed: String?, candidates: [String]
    ) {
        if EnvoyTypes.has(type.name) || schema.message(named: type.name) != nil {
            report(node, "Envoy has \(type.name), Sluice does not have it yet", allowed: allowed)
        } else {
            report(
                node, "unknown type \(type.name)", allowed: allowed,
                nearest: NearestName.find(type.name, among: candidates).map { ExtensionCatalog.typeURLPrefix + $0 })
        }
    }

    private func typeURLs(_ place: ExtensionCategory) -> String {
        let urls = catalog.all(place).map(\.typeURL)
        return urls.isEmpty ? "none: this program has no \(place.rawValue)" : urls.joined(separator: ", ")
    }

    // MARK: Extensions named without a configuration

    /// The `name` beside the typed configuration at hand, for reports.
    private var siblingName: String? { extensionNames.last ?? nil }

    /// Adds an empty configuration where the name alone says enough, and says what to add where it does not.
    mutating func completeExtension(
        _ node: Int32, _ message: MessageSchema, _ category: ExtensionCategory, isWhole: Bool
    ) {
        guard let index = message.indexByName["typed_config"] else { return }
        if let (_, value) = tree.lookUp(node, "typed_config", "typedConfig"), !tree.isNull(value) { return }
        // With an unknown field beside it, that field is what is wrong.
        guard isWhole else { return }
        let nameNode = tree.lookUp(node, "name", "name")?.value
        let name = nameNode.map { tree.isScalar($0) ? tree.string($0) : "" } ?? ""
        if category == .clusterType, let type = ExtensionCatalog.clusterTypesByName[name] {
            report(nameNode, "cluster_type \"\(name)\" is not honoured yet; write type: \(type) instead of it")
            return
        }
        guard let known = catalog.find(name: name, in: category) else {
            if let nameNode, !name.isEmpty {
                report(
                    nameNode, "the \(category.rawValue) \"\(name)\" has no typed_config, and is not one that we know",
                    allowed: typeURLs(category),
                    nearest: NearestName.find(name, among: catalog.all(category).map(\.name)))
            } else {
                report(node, "typed_config is missing", allowed: typeURLs(category))
            }
            return
        }
        guard known.isEmptyConfigValid else {
            report(
                nameNode, "\"\(name)\" needs a typed_config with \"@type\": \(known.typeURL)")
            return
        }
        report(
            nameNode,
            "\"\(name)\" has no typed_config; taken as empty: add typed_config: {\"@type\": \(known.typeURL)}",
            severity: .warning)
        let start = writer.begin(message.fields[index].number)
        writer.string(1, known.typeURL)
        writer.end(start)
    }
}
