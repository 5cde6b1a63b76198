/// What a reader of the stats asks for: the query parameters of `/stats`, checked.
public struct StatsQuery: Sendable {
    public enum Format: Sendable { case text, json, prometheus }
    public enum Buckets: Sendable { case summary, cumulative, disjoint, detailed }
    public enum Kinds: Sendable { case all, counters, gauges, histograms, textReadouts }

    public var format = Format.text
    public var buckets = Buckets.summary
    public var kinds = Kinds.all
    public var usedOnly = false
    /// Matched anywhere in the full name.
    public var filter: RE2Regex?

    public init() {}

    /// A parameter that makes no sense; the text is Envoy's, for an answer with status 400.
    public struct Refusal: Error, Equatable, Sendable {
        public let text: String
    }

    /// From decoded query parameters; `format` may come from the path (`/stats/prometheus`) instead.
    public init(_ parameters: [(name: String, value: String)], format: Format? = nil) throws(Refusal) {
        for (name, value) in parameters {
            switch name {
            case "usedonly": usedOnly = true
            case "filter": try setFilter(value)
            case "type": try setKinds(value)
            case "histogram_buckets": try setBuckets(value)
            case "format": try setFormat(value)
            default: break
            }
        }
        if let format { self.format = format }
    }

    private mutating func setFilter(_ value: String) throws(Refusal) {
        guard !value.isEmpty else { return }
        do throws(RegexError) {
            filter = try RE2Regex(value)
        } catch {
            throw Refusal(text: "Invalid re2 regex: \(error.reason)")
        }
    }

    private mutating func setKinds(_ value: String) throws(Refusal) {
        switch value {
        case "All": kinds = .all
        case "Counters": kinds = .counters
        case "Gauges": kinds = .gauges
        case "Histograms": kinds = .histograms
        case "TextReadouts": kinds = .textReadouts
        default: throw Refusal(text: "invalid &type= param")
        }
    }

    private mutating func setBuckets(_ value: String) throws(Refusal) {
        switch value {
        case "summary", "none", "": buckets = .summary
        case "cumulative": buckets = .cumulative
        case "disjoint": buckets = .disjoint
        case "detailed": buckets = .detailed
        default:
            throw Refusal(text: "usage: /stats?histogram_buckets=(cumulative|disjoint|detailed|summary)\n")
        }
    }

    private mutating func setFormat(_ value: String) throws(Refusal) {
        switch value {
        case "text", "": format = .text
        case "json": format = .json
        case "prometheus": format = .prometheus
        default: throw Refusal(text: "usage: /stats?format=(json|prometheus|text)\n\n")
        }
    }

    /// What to walk: counters and gauges, then histograms; nil for a part that was not asked for.
    func walks(_ store: StatsStore) -> (numbers: StatsWalk?, histograms: StatsWalk?) {
        (
            wantsNumbers ? StatsWalk(store, filter: filter) { $0 != .histogram && wants($0) } : nil,
            wantsHistograms ? StatsWalk(store, filter: filter) { $0 == .histogram } : nil
        )
    }

    private var wantsNumbers: Bool { kinds == .all || kinds == .counters || kinds == .gauges }
    private var wantsHistograms: Bool { kinds == .all || kinds == .histograms }

    func wants(_ kind: StatKind) -> Bool {
        switch kinds {
        case .all: true
        case .counters: kind == .counter
        case .gauges: kind == .gauge
        case .histograms: kind == .histogram
        case .textReadouts: false
        }
    }
}
