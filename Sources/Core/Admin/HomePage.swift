// The home page: the state of the server at a glance, and every endpoint with a form. One file, no other asset, no script
// needed; where there is one, it keeps the numbers fresh.

enum HomePage {
    static func render(
        summary: ServerSummaryView, listeners: [ListenerView], clusters: [ClusterStatusView], endpoints: [AdminEndpoint]
    ) -> String {
        page(
            title: "\(escaped(summary.program)) admin",
            body: "<div id=live>" + banner(summary) + tiles(summary, listeners, clusters) + "<div class=columns>"
                + clusterSection(clusters) + listenerSection(listeners) + "</div></div>" + endpointSection(endpoints)
                + "<footer>\(escaped(summary.program)) \(escaped(summary.version))"
                + " · the same data as text: <a href=/clusters>clusters</a>, <a href=/listeners>listeners</a>,"
                + " <a href=/stats>stats</a>, <a href=/help>help</a></footer>",
            script: HomePageAssets.script)
    }

    /// `/stats?format=html`: the text in a page that can be searched and filtered.
    static func stats(_ text: String, _ query: AdminQuery) -> String {
        let filter = escaped(query["filter"] ?? "")
        var rows = ""
        for line in text.split(separator: "\n") {
            guard let colon = line.range(ofFirst: ": ") else { continue }
            rows +=
                "<tr><td class=mono>\(escaped(line[..<colon.lowerBound]))<td class=num>\(escaped(line[colon.upperBound...]))"
        }
        return page(
            title: "statistics",
            body: "<header class=top><h1><a href=/>←</a> Statistics</h1></header>"
                + "<form action=/stats class=bar><input type=hidden name=format value=html>"
                + "<input name=filter value=\"\(filter)\" placeholder=\"regular expression\" aria-label=filter>"
                + "<label><input type=checkbox name=usedonly\(query.has("usedonly") ? " checked" : "")> used only</label>"
                + "<button>show</button></form><section><table>\(rows)</table></section>",
            script: "")
    }

    private static func page(title: String, body: String, script: String) -> String {
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8><title>\(title)</title>"
            + "<meta name=viewport content=\"width=device-width,initial-scale=1\"><meta name=color-scheme content=\"light dark\">"
            + "<link rel=icon href=\"\(HomePageAssets.icon)\"><style>\(HomePageAssets.style)</style></head><body>\(body)"
            + (script.isEmpty ? "" : "<script>\(script)</script>") + "</body></html>\n"
    }

    // MARK: State

    private static func banner(_ summary: ServerSummaryView) -> String {
        let (tone, words) =
            switch summary.state {
            case .live: ("good", "Live")
            case .draining: ("warn", "Draining")
            case .preInitializing, .initializing: ("warn", "Starting")
            }
        let node = [summary.nodeID, summary.nodeCluster].filter { !$0.isEmpty }.map(escaped).joined(separator: " · ")
        return "<header class=top><h1>\(HomePageAssets.mark)\(escaped(summary.program))</h1>"
            + "<span class=\"badge \(tone)\">\(words)</span><span class=dim>\(node)</span></header>"
    }

    private static func tiles(
        _ summary: ServerSummaryView, _ listeners: [ListenerView], _ clusters: [ClusterStatusView]
    ) -> String {
        let hosts = clusters.reduce(0) { $0 + $1.hosts.count }
        let healthy = clusters.reduce(0) { $0 + $1.hosts.count { $0.healthFlags.availability == .healthy } }
        func tile(_ value: String, _ label: String, _ tone: String = "") -> String {
            "<div class=\"tile \(tone)\"><b>\(value)</b><span>\(label)</span></div>"
        }
        return "<div class=tiles>" + tile(duration(summary.uptimeSeconds), "uptime")
            + tile("\(summary.concurrency)", summary.concurrency == 1 ? "worker" : "workers")
            + tile(grouped(summary.connectionCount), "connections") + tile("\(listeners.count)", "listeners")
            + tile("\(clusters.count)", "clusters")
            + tile("\(healthy)<i>/\(hosts)</i>", "hosts healthy", hosts == healthy ? "" : healthy == 0 ? "bad" : "warn")
            + "</div>"
    }

    private static func listenerSection(_ listeners: [ListenerView]) -> String {
        if listeners.isEmpty { return "<section><h2>Listeners</h2><p class=dim>No listener.</p></section>" }
        var rows = ""
        for listener in listeners {
            let addresses = ([listener.address] + listener.additionalAddresses).map { escaped("\($0)") }
            rows +=
                "<tr><td><b>\(escaped(listener.name))</b><td class=mono>\(addresses.joined(separator: "<br>"))"
                + "<td class=num>\(grouped(listener.connectionCount))"
        }
        return
            "<section><h2>Listeners</h2><table><tr><th>name<th>address<th class=num>connections\(rows)</table></section>"
    }

    /// Clusters beyond this many are counted, not drawn.
    private static let shownClusters = 200
    private static let shownHosts = 64

    private static func clusterSection(_ clusters: [ClusterStatusView]) -> String {
        if clusters.isEmpty { return "<section><h2>Clusters</h2><p class=dim>No cluster.</p></section>" }
        // What needs attention comes first.
        let ordered = clusters.sorted { ($0.healthShare, $0.name) < ($1.healthShare, $1.name) }
        var rows = ""
        for cluster in ordered.prefix(shownClusters) {
            let healthy = cluster.hosts.count { $0.healthFlags.availability == .healthy }
            let dots = cluster.hosts.prefix(shownHosts).map { host in
                let tone =
                    switch host.healthFlags.availability {
                    case .healthy: "good"
                    case .degraded: "warn"
                    case .unhealthy: "bad"
                    }
                return
                    "<i class=\"dot \(tone)\" title=\"\(escaped("\(host.address)")) \(escaped(host.healthFlags.text))"
                    + ", \(host.stats.cxActive) connections\"></i>"
            }
            let more = cluster.hosts.count > shownHosts ? " +\(cluster.hosts.count - shownHosts)" : ""
            let active = cluster.hosts.reduce(0) { $0 + $1.stats.cxActive }
            let failed = cluster.hosts.reduce(0) { $0 + $1.stats.cxConnectFail }
            let tone = healthy == cluster.hosts.count ? "" : healthy == 0 ? "bad" : "warn"
            rows +=
                "<tr><td><b><a href=\"/clusters?filter=\(urlEncoded("^" + regexQuoted(cluster.name) + "$"))\">"
                + "\(escaped(cluster.name))</a></b><td><span class=dots>\(dots.joined())\(more)</span>"
                + "<td class=\"num \(tone)\">\(healthy)/\(cluster.hosts.count)<td class=num>\(grouped(active))"
                + "<td class=num>\(grouped(failed))"
        }
        if clusters.count > shownClusters {
            rows +=
                "<tr><td colspan=5 class=dim>and \(clusters.count - shownClusters) more in <a href=/clusters>/clusters</a>"
        }
        return "<section><h2>Clusters</h2><table><tr><th>name<th>hosts<th class=num>healthy<th class=num>active"
            + "<th class=num>connect failures\(rows)</table></section>"
    }

    // MARK: Endpoints

    private static func endpointSection(_ endpoints: [AdminEndpoint]) -> String {
        var reading = ""
        var acting = ""
        for endpoint in endpoints where endpoint.path != "/" {
            if endpoint.mutates { acting += row(endpoint) } else { reading += row(endpoint) }
        }
        return "<div class=columns><section><h2>Look</h2>\(reading)</section>"
            + "<section class=acting><h2>Act</h2>\(acting)</section></div>"
    }

    private static func row(_ endpoint: AdminEndpoint) -> String {
        let path = escaped(endpoint.path)
        let method = endpoint.mutates ? " method=post" : ""
        var fields = ""
        for parameter in endpoint.parameters {
            let name = escaped(parameter.name)
            // A parameter whose name is the operator's choice has no field; the hint says how to send it.
            if parameter.name.contains("=") {
                fields += "<code>curl -X POST '…\(path)?\(name)'</code>"
                continue
            }
            switch parameter.kind {
            case .text:
                fields +=
                    "<label title=\"\(escaped(parameter.help))\"><span>\(name)</span><input name=\"\(name)\"></label>"
            case .flag:
                fields +=
                    "<label class=check title=\"\(escaped(parameter.help))\">"
                    + "<input type=checkbox name=\"\(name)\" value=1><span>\(name)</span></label>"
            case .choice(let values):
                let options = values.map { "<option>\(escaped($0))" }.joined()
                fields +=
                    "<label title=\"\(escaped(parameter.help))\"><span>\(name)</span>"
                    + "<select name=\"\(name)\"><option value=\"\">–\(options)</select></label>"
            }
        }
        let isUnsendable = endpoint.parameters.contains { $0.name.contains("=") }
        let button =
            isUnsendable
            ? ""
            : "<button\(endpoint.path == "/quitquitquit" ? " class=danger" : "")>"
                + (endpoint.mutates ? "post" : "get") + "</button>"
        let title = endpoint.mutates ? "<b class=mono>\(path)</b>" : "<a class=mono href=\"\(path)\">\(path)</a>"
        let form =
            fields.isEmpty
            ? "<form action=\"\(path)\"\(method)>\(endpoint.mutates ? button : "")</form>"
            : "<details><summary>options</summary><form action=\"\(path)\"\(method)>\(fields)\(button)</form></details>"
        return "<div class=row><div>\(title)<p>\(escaped(endpoint.help))</p></div>\(form)</div>"
    }

    // MARK: Text

    static func escaped(_ text: some StringProtocol) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "'": out += "&#39;"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }

    private static func urlEncoded(_ text: String) -> String {
        var out = ""
        for byte in text.utf8 {
            let isPlain = byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 26 || [0x2d, 0x2e, 0x5f, 0x7e].contains(byte)
            if isPlain {
                out.unicodeScalars.append(UnicodeScalar(byte))
            } else {
                let hex = String(byte, radix: 16, uppercase: true)
                out += hex.count == 1 ? "%0\(hex)" : "%\(hex)"
            }
        }
        return out
    }

    private static func regexQuoted(_ text: String) -> String {
        text.map { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" || $0 == "/" ? "\($0)" : "\\\($0)" }.joined()
    }

    private static func grouped(_ value: Int) -> String {
        var out = ""
        for (index, digit) in String(value.magnitude).reversed().enumerated() {
            if index > 0, index % 3 == 0 { out.append("\u{202F}") }
            out.append(digit)
        }
        return (value < 0 ? "-" : "") + String(out.reversed())
    }

    static func duration(_ seconds: Int) -> String {
        switch seconds {
        case ..<60: "\(seconds) s"
        case ..<3600: "\(seconds / 60) min"
        case ..<86400: "\(seconds / 3600) h \(seconds % 3600 / 60) min"
        default: "\(seconds / 86400) d \(seconds % 86400 / 3600) h"
        }
    }
}

extension ClusterStatusView {
    /// Share of healthy hosts; a cluster without hosts counts as none.
    fileprivate var healthShare: Double {
        hosts.isEmpty ? 0 : Double(hosts.count { $0.healthFlags.availability == .healthy }) / Double(hosts.count)
    }
}

extension Substring {
    /// The first place where `needle` stands.
    fileprivate func range(ofFirst needle: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(needle) { return start..<index(start, offsetBy: needle.count) }
            start = index(after: start)
        }
        return nil
    }
}
