// What can be wrong with a configuration, told so that a person can act on it.

/// One error or warning at one place.
package struct ConfigProblem: Sendable, Equatable, CustomStringConvertible {
    package enum Severity: String, Sendable {
        case error, warning
    }

    package var severity: Severity
    /// The file's name as given, or "--config-yaml"; empty when there is none (a message from a control plane).
    package var file: String
    /// Counted from one; zero when unknown.
    package var line: Int
    package var column: Int
    /// The path inside the document, such as `static_resources.clusters[0].lb_policy`.
    package var path: String
    /// What stands there.
    package var found: String?
    /// What may stand there.
    package var allowed: String?
    /// The known name nearest to the one found.
    package var nearest: String?
    /// What is wrong, in words, without the above.
    package var text: String

    package init(
        severity: Severity = .error, file: String = "", line: Int = 0, column: Int = 0, path: String,
        found: String? = nil, allowed: String? = nil, nearest: String? = nil, text: String
    ) {
        self.severity = severity
        self.file = file
        self.line = line
        self.column = column
        self.path = path
        self.found = found
        self.allowed = allowed
        self.nearest = nearest
        self.text = text
    }

    /// `envoy.yaml:12:9: error: static_resources.clusters[0].lb_polcy: unknown field; did you mean "lb_policy"?`
    package var description: String {
        var out = ""
        if !file.isEmpty {
            out += file
            if line > 0 { out += ":\(line):\(column)" }
            out += ": "
        }
        out += "\(severity.rawValue): "
        if !path.isEmpty { out += "\(path): " }
        out += text
        if let found { out += ", found \(found)" }
        if let allowed { out += "; allowed: \(allowed)" }
        if let nearest { out += "; did you mean \"\(nearest)\"?" }
        return out
    }
}

extension [ConfigProblem] {
    package var hasErrors: Bool { contains { $0.severity == .error } }
}
