/// The Prometheus exposition format: counters, then gauges, then histograms; in each part sorted by metric, and by full
/// name within a metric.
///
/// A metric is a stat's name without its tags' values, `envoy_` in front, whatever is no letter or digit an
/// underscore. Tags become labels. The groups are built at once, but hold no names of single stats.
struct PrometheusStats {
    private struct Place {
        let record: StatRecord
        let index: Int
    }

    private struct Metric {
        let name: String
        let kind: StatKind
        var places: [Place]
    }

    private let store: StatsStore
    private let query: StatsQuery
    private var metrics: [Metric]
    private var next = 0
    private var nextPlace = 0
    /// Whether the current metric's type line is out: it is written with the first sample, if there is any.
    private var hasType = false

    init(_ store: StatsStore, _ query: StatsQuery) {
        self.store = store
        self.query = query
        var metrics: [Metric] = []
        var known: [String: Int] = [:]
        let records = store.liveRecords().sorted { $0.prefix.utf8.lexicographicallyPrecedes($1.prefix.utf8) }
        for record in records {
            if case .all = record.rejected { continue }
            for index in record.layout.sortedIndices where !record.rejected.contains(index) {
                let definition = record.layout.definitions[index]
                guard query.wants(definition.kind) else { continue }
                if let filter = query.filter, !filter.partialMatch(record.prefix + definition.name) { continue }
                let name = store.tags(of: record, index).name
                let key = "\(definition.kind.rawValue)\(name)"
                if let metric = known[key] {
                    metrics[metric].places.append(Place(record: record, index: index))
                } else {
                    known[key] = metrics.count
                    metrics.append(
                        Metric(name: name, kind: definition.kind, places: [Place(record: record, index: index)]))
                }
            }
        }
        metrics.sort {
            $0.kind == $1.kind
                ? $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) : $0.kind.rawValue < $1.kind.rawValue
        }
        self.metrics = metrics
    }

    mutating func step(_ out: inout [UInt8]) -> Bool {
        guard next < metrics.count else { return false }
        let metric = metrics[next]
        // A metric of thousands of clusters goes out in pieces too.
        let end = min(nextPlace + 256, metric.places.count)
        for place in metric.places[nextPlace..<end] { write(metric, place, &out) }
        nextPlace = end
        if end == metric.places.count {
            next += 1
            nextPlace = 0
            hasType = false
        }
        return true
    }

    private mutating func write(_ metric: Metric, _ place: Place, _ out: inout [UInt8]) {
        let definition = place.record.layout.definitions[place.index]
        if definition.kind == .histogram {
            let merged = place.record.main?.histograms[place.index] ?? MergedHistogram()
            if query.usedOnly, merged.cumulative.isEmpty { return }
            writeType(metric, "histogram", &out)
            writeHistogram(metric, place, HistogramStatistics(merged.cumulative, unit: definition.unit), &out)
            return
        }
        let value = store.reading(place.record).value(place.index)
        if query.usedOnly, !value.isUsed { return }
        writeType(metric, definition.kind == .counter ? "counter" : "gauge", &out)
        out.appendMetricName(metric.name)
        out.append(UInt8(ascii: "{"))
        _ = writeLabels(place, &out)
        out.append(contentsOf: "} ".utf8)
        out.appendDecimal(value.number)
        out.append(UInt8(ascii: "\n"))
    }

    private mutating func writeType(_ metric: Metric, _ type: String, _ out: inout [UInt8]) {
        if hasType { return }
        hasType = true
        out.append(contentsOf: "# TYPE ".utf8)
        out.appendMetricName(metric.name)
        out.append(UInt8(ascii: " "))
        out.append(contentsOf: type.utf8)
        out.append(UInt8(ascii: "\n"))
    }

    private func writeHistogram(
        _ metric: Metric, _ place: Place, _ statistics: HistogramStatistics, _ out: inout [UInt8]
    ) {
        var labels: [UInt8] = []
        let hasLabels = writeLabels(place, &labels)
        func line(_ suffix: String) {
            out.appendMetricName(metric.name)
            out.append(contentsOf: suffix.utf8)
            out.append(UInt8(ascii: "{"))
            out.append(contentsOf: labels)
        }
        let name = place.record.prefix + place.record.layout.definitions[place.index].name
        let bounds = store.config.buckets.bounds(for: name)
        let counts = statistics.cumulativeCounts(bounds)
        for (bound, count) in zip(bounds, counts) {
            line("_bucket")
            out.append(contentsOf: (hasLabels ? ",le=\"" : "le=\"").utf8)
            out.appendGeneral(bound, digits: 32)
            out.append(contentsOf: "\"} ".utf8)
            out.appendDecimal(count)
            out.append(UInt8(ascii: "\n"))
        }
        line("_bucket")
        out.append(contentsOf: (hasLabels ? ",le=\"+Inf\"} " : "le=\"+Inf\"} ").utf8)
        out.appendDecimal(statistics.sample.count)
        out.append(UInt8(ascii: "\n"))
        line("_sum")
        out.append(contentsOf: "} ".utf8)
        out.appendGeneral(statistics.sum, digits: 32)
        out.append(UInt8(ascii: "\n"))
        line("_count")
        out.append(contentsOf: "} ".utf8)
        out.appendDecimal(statistics.sample.count)
        out.append(UInt8(ascii: "\n"))
    }

    private func writeLabels(_ place: Place, _ out: inout [UInt8]) -> Bool {
        let tags = store.tags(of: place.record, place.index).tags
        for (index, tag) in tags.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            out.appendSanitised(tag.name)
            out.append(contentsOf: "=\"".utf8)
            for byte in tag.value.utf8 {
                switch byte {
                case UInt8(ascii: "\\"): out.append(contentsOf: "\\\\".utf8)
                case UInt8(ascii: "\""): out.append(contentsOf: "\\\"".utf8)
                case UInt8(ascii: "\n"): out.append(contentsOf: "\\n".utf8)
                default: out.append(byte)
                }
            }
            out.append(UInt8(ascii: "\""))
        }
        return !tags.isEmpty
    }
}

extension [UInt8] {
    fileprivate mutating func appendMetricName(_ name: String) {
        append(contentsOf: "envoy_".utf8)
        appendSanitised(name)
    }

    /// Prometheus knows letters, digits and underscores.
    fileprivate mutating func appendSanitised(_ name: String) {
        for byte in name.utf8 {
            let isKnown =
                (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: "_")
            append(isKnown ? byte : UInt8(ascii: "_"))
        }
    }
}
