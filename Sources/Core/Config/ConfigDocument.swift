// Where things stand in the files: finds the position of a message path by walking the trees again, so that every
// later stage can report a problem at a path and name file, line and column. Nothing is stored per field.

/// The texts that a configuration was read from, in the order in which they were merged.
package struct ConfigDocument: Sendable {
    /// One text.
    struct Source: Sendable {
        var name: String
        var tree: YAMLTree
    }

    /// A place in one source: the node itself and the key before it.
    private struct Place {
        var source: Int
        var node: Int32
        var key: Int32?
    }

    var sources: [Source] = []

    package init() {}

    /// A problem at a path, with the position of the nearest thing on that path that is written down.
    package func problem(
        at path: String, _ text: String, severity: ConfigProblem.Severity = .error, found: String? = nil,
        allowed: String? = nil, nearest: String? = nil
    ) -> ConfigProblem {
        locate(
            ConfigProblem(
                severity: severity, path: path, found: found, allowed: allowed, nearest: nearest, text: text))
    }

    /// Adds the position to a problem that has only a path.
    package func locate(_ problem: ConfigProblem) -> ConfigProblem {
        var located = problem
        guard let position = position(of: problem.path) else { return located }
        located.file = position.file
        located.line = position.line
        located.column = position.column
        return located
    }

    /// File, line and column of a path, or of its nearest written ancestor; lines and columns from one.
    package func position(of path: String) -> (file: String, line: Int, column: Int)? {
        var places = sources.enumerated().compactMap { index, source in
            source.tree.root.map { Place(source: index, node: $0) }
        }
        guard var best = places.last else { return nil }
        for step in ConfigPath(path).steps {
            places = places.isEmpty ? [] : self.step(places, step)
            guard let last = places.last else { break }
            best = last
        }
        let tree = sources[best.source].tree
        // A scalar is pointed at itself, a container at the key that introduces it.
        let node = tree.isScalar(best.node) ? best.node : best.key ?? best.node
        let record = tree.nodes[Int(node)]
        return (sources[best.source].name, Int(record.line) + 1, Int(record.column) + 1)
    }

    private func step(_ places: [Place], _ step: PathStep) -> [Place] {
        switch step {
        case .field(let name):
            let camel = Schema.camelCase(name)
            return places.compactMap { place in
                let tree = sources[place.source].tree
                if let (key, value) = tree.lookUp(place.node, name, camel) {
                    return Place(source: place.source, node: value, key: key)
                }
                // The content of a TypedStruct, and of an Any of a well-known type, stands one level down.
                if tree.lookUp(place.node, "@type", "@type") != nil,
                    let (_, inner) = tree.lookUp(place.node, "value", "value"),
                    let (key, value) = tree.lookUp(inner, name, camel)
                {
                    return Place(source: place.source, node: value, key: key)
                }
                return nil
            }
        case .key(let name):
            return places.compactMap { place in
                sources[place.source].tree.lookUp(place.node, name, name).map {
                    Place(source: place.source, node: $0.value, key: $0.key)
                }
            }
        case .index(let index):
            // Lists of several sources are one after another.
            var rest = index
            for place in places {
                let items = items(place)
                if rest < items.count { return [Place(source: place.source, node: items[rest], key: nil)] }
                rest -= items.count
            }
            return []
        }
    }

    /// A list's items as the walk counts them: lists in lists are one list, anything else is a list of one.
    private func items(_ place: Place) -> [Int32] {
        let tree = sources[place.source].tree
        if tree.isNull(place.node) { return [] }
        guard tree.nodes[Int(place.node)].kind == .sequence else { return [place.node] }
        var out: [Int32] = []
        func collect(_ node: Int32, _ depth: Int) {
            for index in 0..<tree.entryCount(node) {
                let item = tree.item(node, index)
                if tree.nodes[Int(item)].kind == .sequence, depth < DocumentWalker.maxDepth, out.count < 1_000_000 {
                    collect(item, depth + 1)
                } else {
                    out.append(item)
                }
            }
        }
        collect(place.node, 0)
        return out
    }
}
