// `/logging`: levels of log components, shown and changed.

enum LoggingPage {
    static let levels = ["trace", "debug", "info", "warning", "error", "critical", "off"]

    static func respond(_ query: AdminQuery, _ source: any AdminDataSource) -> AdminResponse {
        if let failure = change(query, source) {
            return AdminResponse(
                "error: \(failure)\n\n"
                    + "usage: /logging?<name>=<level> (change single level)\n"
                    + "usage: /logging?paths=name1:level1,name2:level2,... (change multiple levels)\n"
                    + "usage: /logging?level=<level> (change all levels)\n"
                    + "levels: \(levels.joined(separator: " ")) \n" + list(source), status: 400)
        }
        return AdminResponse(list(source))
    }

    private static func list(_ source: any AdminDataSource) -> String {
        var out = "active loggers:\n"
        for logger in source.loggers() { out += "  \(logger.name): \(logger.level)\n" }
        return out + "\n"
    }

    /// Applies all of the query or nothing; nil, or what is wrong.
    private static func change(_ query: AdminQuery, _ source: any AdminDataSource) -> String? {
        // The home page's form sends the field left empty too.
        let items = query.items.filter { !($0.value.isEmpty && ($0.name == "level" || $0.name == "paths")) }
        guard let item = items.first else { return nil }
        guard items.count == 1 else { return "invalid number of parameters" }
        var changes: [(component: String?, level: String)] = []
        switch item.name {
        case "level": changes = [(nil, item.value)]
        case "paths":
            for part in item.value.split(separator: ",", omittingEmptySubsequences: false) {
                let halves = part.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                guard halves.count == 2, !halves[0].isEmpty, !halves[1].isEmpty else {
                    return "empty logger name or empty logger level"
                }
                changes.append((String(halves[0]), String(halves[1])))
            }
        default: changes = [(item.name, item.value)]
        }
        let known = Set(source.loggers().map(\.name))
        for index in changes.indices {
            if changes[index].level == "warn" { changes[index].level = "warning" }
            guard levels.contains(changes[index].level) else { return "unknown logger level" }
            if let name = changes[index].component, !known.contains(name) { return "unknown logger name" }
        }
        source.setLogLevels(changes)
        return nil
    }
}
