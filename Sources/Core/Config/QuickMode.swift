// The quick mode: a few words on the command line stand for a configuration, written out here as the YAML that the
// user could have written. Every proxy uses it with its own terminal filter.

/// Writes the quick mode's YAML.
package struct QuickMode: Sendable {
    /// The name of the one cluster.
    package static let clusterName = "upstream"

    /// An address of the command line.
    enum QuickAddress: Equatable {
        case socket(host: String, port: Int)
        case pipe(String)
    }

    /// The filter that ends the chain: its name, its type and the lines of its configuration, without indentation.
    package struct TerminalFilter: Sendable {
        package var name: String
        package var typeName: String
        package var lines: [String]

        package init(name: String, typeName: String, lines: [String]) {
            self.name = name
            self.typeName = typeName
            self.lines = lines
        }
    }

    package static let tcpProxy = TerminalFilter(
        name: "envoy.filters.network.tcp_proxy",
        typeName: "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        lines: ["stat_prefix: quick", "cluster: \(clusterName)"])
    /// For a quick mode without an upstream.
    package static let echo = TerminalFilter(
        name: "envoy.filters.network.echo", typeName: "envoy.extensions.filters.network.echo.v3.Echo", lines: [])

    /// The configuration. Without upstreams the listeners answer with what they are sent.
    package static func yaml(_ options: CommandLineOptions, terminalFilter: TerminalFilter = tcpProxy) -> String {
        var out: [String] = []
        if let admin = options.admin.flatMap({ address($0, isListening: true) }) {
            out += ["admin:", "  address:"] + addressLines(admin, indent: 4)
        }
        out += ["static_resources:", "  listeners:"]
        let filter = options.upstream.isEmpty ? echo : terminalFilter
        for (index, text) in options.listen.enumerated() {
            guard let listen = address(text, isListening: true) else { continue }
            out += ["  - name: listener_\(index)", "    address:"] + addressLines(listen, indent: 6)
            out += [
                "    filter_chains:", "    - filters:", "      - name: \(filter.name)", "        typed_config:",
                "          \"@type\": \(ExtensionCatalog.typeURLPrefix)\(filter.typeName)",
            ]
            out += filter.lines.map { "          " + $0 }
        }
        let upstreams = options.upstream.compactMap { address($0, isListening: false) }
        if !upstreams.isEmpty {
            let isNamed = upstreams.contains {
                if case .socket(let host, _) = $0 { return !ReferenceChecker.isLiteral(host) }
                return false
            }
            out += [
                "  clusters:", "  - name: \(clusterName)", "    type: \(isNamed ? "STRICT_DNS" : "STATIC")",
                "    connect_timeout: 5s", "    lb_policy: ROUND_ROBIN", "    load_assignment:",
                "      cluster_name: \(clusterName)", "      endpoints:", "      - lb_endpoints:",
            ]
            for upstream in upstreams {
                out += ["        - endpoint:", "            address:"] + addressLines(upstream, indent: 14)
            }
        }
        return out.joined(separator: "\n") + "\n"
    }

    /// Reads ADDRESS:PORT, [IPv6]:PORT, :PORT (all addresses; listening only), a path or @abstract name.
    static func address(_ text: String, isListening: Bool) -> QuickAddress? {
        if text.hasPrefix("/") || text.hasPrefix("@") && text.count > 1 { return .pipe(text) }
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (isListening ? 0 : 1)...65535 ~= port
        else { return nil }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        if isListening {
            if host.isEmpty || host == "*" { host = "0.0.0.0" }
            if host == "localhost" { host = "127.0.0.1" }
            return ReferenceChecker.isLiteral(host) ? .socket(host: host, port: port) : nil
        }
        let isName =
            !host.isEmpty
            && host.utf8.allSatisfy {
                $0 >= 48 && $0 <= 57 || $0 | 32 >= 97 && $0 | 32 <= 122 || $0 == 45 || $0 == 46 || $0 == 95
            }
        return isName || ReferenceChecker.isLiteral(host) ? .socket(host: host, port: port) : nil
    }

    private static func addressLines(_ address: QuickAddress, indent: Int) -> [String] {
        let pad = String(repeating: " ", count: indent)
        switch address {
        case .socket(let host, let port):
            return [pad + "socket_address: {address: \(quoted(host)), port_value: \(port)}"]
        case .pipe(let path):
            return [pad + "pipe: {path: \(quoted(path))}"]
        }
    }

    /// Double quotes always: a name such as "on" or "1e3" must stay text.
    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
