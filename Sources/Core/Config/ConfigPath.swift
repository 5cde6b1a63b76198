// Paths inside a configuration, such as static_resources.listeners[0].metadata.filter_metadata["envoy.lb"].

/// One step of a path.
enum PathStep: Sendable, Equatable {
    case field(String)
    case index(Int)
    case key(String)
}

/// A path from the document's root.
struct ConfigPath: Sendable, Equatable {
    var steps: [PathStep] = []

    init() {}

    /// Reads the form that `description` writes; what cannot be read ends the path.
    init(_ text: String) {
        var rest = Substring(text)
        while !rest.isEmpty {
            if rest.hasPrefix("[\"") {
                rest = rest.dropFirst(2)
                guard let end = rest.firstRange(of: "\"]") else { return }
                steps.append(.key(String(rest[..<end.lowerBound])))
                rest = rest[end.upperBound...]
            } else if rest.hasPrefix("[") {
                guard let end = rest.firstIndex(of: "]"),
                    let index = Int(rest[rest.index(after: rest.startIndex)..<end])
                else { return }
                steps.append(.index(index))
                rest = rest[rest.index(after: end)...]
            } else {
                if rest.hasPrefix(".") { rest = rest.dropFirst() }
                let end = rest.firstIndex { $0 == "." || $0 == "[" } ?? rest.endIndex
                if end == rest.startIndex { return }
                steps.append(.field(String(rest[..<end])))
                rest = rest[end...]
            }
        }
    }

    var description: String {
        var out = ""
        for step in steps {
            switch step {
            case .field(let name):
                if !out.isEmpty { out += "." }
                out += name
            case .index(let index):
                out += "[\(index)]"
            case .key(let key):
                out += "[\"\(key)\"]"
            }
        }
        return out
    }
}
