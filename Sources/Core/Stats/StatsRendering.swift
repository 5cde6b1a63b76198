/// All stats in one of the three formats, piece by piece, so that a large set neither fills memory nor holds up the
/// main thread:
///
///     var rendering = StatsRendering(store, query)
///     while rendering.fill(&body, upTo: 64 << 10) { send(body); body.removeAll(keepingCapacity: true) }
///     send(body)
public struct StatsRendering {
    private enum Shape {
        case text(TextStats)
        case json(JSONStats)
        case prometheus(PrometheusStats)
    }

    private var shape: Shape

    /// Main thread, as all of it. Call ``StatsFlusher/refresh()`` first.
    public init(_ store: StatsStore, _ query: StatsQuery) {
        switch query.format {
        case .text: shape = .text(TextStats(store, query))
        case .json: shape = .json(JSONStats(store, query))
        case .prometheus: shape = .prometheus(PrometheusStats(store, query))
        }
    }

    /// Appends output until `out` holds about `bytes` or all is written. True when there is more.
    public mutating func fill(_ out: inout [UInt8], upTo bytes: Int) -> Bool {
        while out.count < bytes {
            guard step(&out) else { return false }
        }
        return true
    }

    /// Everything at once.
    public static func all(_ store: StatsStore, _ query: StatsQuery) -> [UInt8] {
        var rendering = StatsRendering(store, query)
        var out: [UInt8] = []
        while rendering.fill(&out, upTo: .max) {}
        return out
    }

    /// False when nothing was left to write.
    private mutating func step(_ out: inout [UInt8]) -> Bool {
        switch shape {
        case .text(var text):
            defer { shape = .text(text) }
            return text.step(&out)
        case .json(var json):
            defer { shape = .json(json) }
            return json.step(&out)
        case .prometheus(var prometheus):
            defer { shape = .prometheus(prometheus) }
            return prometheus.step(&out)
        }
    }
}
