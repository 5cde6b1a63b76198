// The table of endpoints and the way from a request to its handler.

/// One parameter of an endpoint, as `/help` lists it and the home page makes a form field of it.
package struct AdminParameter {
    package enum Kind {
        case text, flag
        case choice([String])
    }

    package var name: String
    package var help: String
    package var kind = Kind.text

    package init(_ name: String, _ help: String, _ kind: Kind = .text) {
        self.name = name
        self.help = help
        self.kind = kind
    }
}

/// One path. Data first, so that `/help`, the home page and the 404 answer are the same table.
package struct AdminEndpoint {
    package var path: String
    /// Wants POST.
    package var mutates = false
    package var help: String
    package var parameters: [AdminParameter] = []
    package var handler: (AdminRequest) -> AdminResponse

    package init(
        _ path: String, mutates: Bool = false, _ help: String, _ parameters: [AdminParameter] = [],
        _ handler: @escaping (AdminRequest) -> AdminResponse
    ) {
        self.path = path
        self.mutates = mutates
        self.help = help
        self.parameters = parameters
        self.handler = handler
    }
}

package struct AdminRouter {
    /// Sorted by path.
    package private(set) var endpoints: [AdminEndpoint]
    /// Empty: every path. Matched against path and query, as Envoy does.
    package var allowedPaths: [StringMatcher]

    package init(endpoints: [AdminEndpoint], allowedPaths: [StringMatcher] = []) {
        self.endpoints = endpoints.sorted { $0.path < $1.path }
        self.allowedPaths = allowedPaths
    }

    package func respond(to request: AdminRequest) -> AdminResponse {
        if !allowedPaths.isEmpty, !allowedPaths.contains(where: { $0.matches(request.target) }) {
            return AdminResponse("request to path \(request.target) not allowed", status: 403)
        }
        guard let endpoint = endpoints.first(where: { $0.path == request.path }) else {
            return AdminResponse("invalid path. " + helpText, status: 404)
        }
        if endpoint.mutates {
            guard request.method == "POST" else {
                return AdminResponse("Method \(request.method) not allowed, POST required.", status: 405)
            }
            // A page somewhere else must not stop the proxy through an operator's browser.
            guard ["", "same-origin", "none"].contains(request.fetchSite) else {
                return AdminResponse("cross-site request not allowed", status: 403)
            }
        }
        return endpoint.handler(request)
    }

    package var helpText: String {
        var out = "admin commands are:\n"
        for endpoint in endpoints {
            out += "  \(endpoint.path)\(endpoint.mutates ? " (POST)" : ""): \(endpoint.help)\n"
            for parameter in endpoint.parameters {
                out += "      \(parameter.name): \(parameter.help)"
                if case .choice(let values) = parameter.kind { out += "; One of (\(values.joined(separator: ", ")))" }
                out += "\n"
            }
        }
        return out
    }
}
