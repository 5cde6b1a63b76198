/// `{"stats":[{"name":…,"value":…},…,{"histograms":…}]}`, the histograms in one of four forms.
struct JSONStats {
    private enum Part { case head, numbers, histograms, tail, over }

    private let store: StatsStore
    private let query: StatsQuery
    private var part = Part.head
    private var numbers: StatsWalk?
    private var histograms: StatsWalk?
    private var isFirst = true
    private var hasHistogram = false

    init(_ store: StatsStore, _ query: StatsQuery) {
        self.store = store
        self.query = query
        (numbers, histograms) = query.walks(store)
    }

    mutating func step(_ out: inout [UInt8]) -> Bool {
        switch part {
        case .head:
            out.append(contentsOf: "{\"stats\":[".utf8)
            part = .numbers
        case .numbers:
            if let group = numbers?.nextGroup() {
                for entry in group { writeNumber(entry, &out) }
            } else {
                part = .histograms
            }
        case .histograms:
            if let group = histograms?.nextGroup() {
                for entry in group { writeHistogram(entry, &out) }
            } else {
                if hasHistogram { out.append(contentsOf: (query.opensObject ? "]}}" : "]}").utf8) }
                part = .tail
            }
        case .tail:
            out.append(contentsOf: "]}".utf8)
            part = .over
        case .over: return false
        }
        return true
    }

    private mutating func separate(_ out: inout [UInt8]) {
        if !isFirst { out.append(UInt8(ascii: ",")) }
        isFirst = false
    }

    private mutating func writeNumber(_ entry: StatsWalk.Entry, _ out: inout [UInt8]) {
        let value = entry.value
        if query.usedOnly, !value.isUsed { return }
        separate(&out)
        out.append(contentsOf: "{\"name\":".utf8)
        out.appendJSON(entry.name)
        out.append(contentsOf: ",\"value\":".utf8)
        out.appendDecimal(value.number)
        out.append(UInt8(ascii: "}"))
    }

    // MARK: Histograms

    private mutating func writeHistogram(_ entry: StatsWalk.Entry, _ out: inout [UInt8]) {
        let merged = entry.histogram
        if query.usedOnly, merged.cumulative.isEmpty { return }
        if !hasHistogram {
            hasHistogram = true
            separate(&out)
            out.append(contentsOf: "{\"histograms\":".utf8)
            out.append(contentsOf: opening.utf8)
        } else {
            out.append(UInt8(ascii: ","))
        }
        out.append(contentsOf: "{\"name\":".utf8)
        out.appendJSON(entry.name)
        let total = HistogramStatistics(merged.cumulative, unit: entry.definition.unit)
        let interval = HistogramStatistics(merged.interval, unit: entry.definition.unit)
        switch query.buckets {
        case .summary: writeQuantiles("values", total, interval, &out)
        case .cumulative, .disjoint: writeBuckets(entry.name, total, interval, &out)
        case .detailed:
            writeBins("totals", total, &out)
            writeBins("intervals", interval, &out)
            writeQuantiles("percentiles", total, interval, &out)
        }
        out.append(UInt8(ascii: "}"))
    }

    private var opening: String {
        let names = HistogramStatistics.quantileNames.joined(separator: ",")
        return switch query.buckets {
        case .summary: "{\"supported_quantiles\":[\(names)],\"computed_quantiles\":["
        case .detailed: "{\"supported_percentiles\":[\(names)],\"details\":["
        case .cumulative, .disjoint: "["
        }
    }

    private func writeQuantiles(
        _ key: String, _ total: HistogramStatistics, _ interval: HistogramStatistics, _ out: inout [UInt8]
    ) {
        let totals = total.computeQuantiles()
        let intervals = interval.computeQuantiles()
        out.append(contentsOf: ",\"\(key)\":[".utf8)
        for index in HistogramStatistics.quantiles.indices {
            out.append(contentsOf: (index > 0 ? "," : "").utf8)
            out.append(contentsOf: "{\"cumulative\":".utf8)
            if let totals { out.appendShortest(totals[index]) } else { out.append(contentsOf: "null".utf8) }
            out.append(contentsOf: ",\"interval\":".utf8)
            if let intervals { out.appendShortest(intervals[index]) } else { out.append(contentsOf: "null".utf8) }
            out.append(UInt8(ascii: "}"))
        }
        out.append(UInt8(ascii: "]"))
    }

    private func writeBuckets(
        _ name: String, _ total: HistogramStatistics, _ interval: HistogramStatistics, _ out: inout [UInt8]
    ) {
        let bounds = store.config.buckets.bounds(for: name)
        let totals = query.counts(total, bounds)
        let intervals = query.counts(interval, bounds)
        out.append(contentsOf: ",\"buckets\":[".utf8)
        for (index, bound) in bounds.enumerated() {
            out.append(contentsOf: (index > 0 ? ",{\"upper_bound\":" : "{\"upper_bound\":").utf8)
            out.appendShortest(bound)
            out.append(contentsOf: ",\"interval\":".utf8)
            out.appendDecimal(intervals[index])
            out.append(contentsOf: ",\"cumulative\":".utf8)
            out.appendDecimal(totals[index])
            out.append(UInt8(ascii: "}"))
        }
        out.append(UInt8(ascii: "]"))
    }

    private func writeBins(_ key: String, _ statistics: HistogramStatistics, _ out: inout [UInt8]) {
        out.append(contentsOf: ",\"\(key)\":[".utf8)
        for (index, bin) in statistics.sample.bins.enumerated() {
            out.append(contentsOf: (index > 0 ? ",{\"lower_bound\":" : "{\"lower_bound\":").utf8)
            out.appendShortest(statistics.lowerBound(bin))
            out.append(contentsOf: ",\"width\":".utf8)
            out.appendShortest(statistics.width(bin))
            out.append(contentsOf: ",\"count\":".utf8)
            out.appendDecimal(bin.count)
            out.append(UInt8(ascii: "}"))
        }
        out.append(UInt8(ascii: "]"))
    }
}

extension StatsQuery {
    /// Quantiles and bins stand inside an object, bucket counts in a plain list.
    fileprivate var opensObject: Bool { buckets == .summary || buckets == .detailed }
}
