/// `name: value`, counters and gauges first, then histograms; each part sorted.
struct TextStats {
    private let store: StatsStore
    private let query: StatsQuery
    private var numbers: StatsWalk?
    private var histograms: StatsWalk?

    init(_ store: StatsStore, _ query: StatsQuery) {
        self.store = store
        self.query = query
        (numbers, histograms) = query.walks(store)
    }

    mutating func step(_ out: inout [UInt8]) -> Bool {
        if let group = numbers?.nextGroup() {
            for entry in group {
                let value = entry.value
                if query.usedOnly, !value.isUsed { continue }
                out.append(contentsOf: entry.name.utf8)
                out.append(contentsOf: ": ".utf8)
                out.appendDecimal(value.number)
                out.append(UInt8(ascii: "\n"))
            }
            return true
        }
        numbers = nil
        guard let group = histograms?.nextGroup() else { return false }
        for entry in group { write(entry, &out) }
        return true
    }

    private func write(_ entry: StatsWalk.Entry, _ out: inout [UInt8]) {
        let merged = entry.histogram
        if query.usedOnly, merged.cumulative.isEmpty { return }
        out.append(contentsOf: entry.name.utf8)
        out.append(UInt8(ascii: ":"))
        let total = HistogramStatistics(merged.cumulative, unit: entry.definition.unit)
        let interval = HistogramStatistics(merged.interval, unit: entry.definition.unit)
        if merged.cumulative.isEmpty {
            out.append(contentsOf: " No recorded values".utf8)
        } else {
            switch query.buckets {
            case .summary:
                out.append(UInt8(ascii: " "))
                writeSummary(total, interval, &out)
            case .cumulative, .disjoint: writeBuckets(entry.name, total, interval, &out)
            case .detailed:
                out.append(contentsOf: "\n  totals=".utf8)
                writeBins(total, &out)
                out.append(contentsOf: "\n  intervals=".utf8)
                writeBins(interval, &out)
                out.append(contentsOf: "\n  summary=".utf8)
                writeSummary(total, interval, &out)
            }
        }
        out.append(UInt8(ascii: "\n"))
    }

    private func writeSummary(_ total: HistogramStatistics, _ interval: HistogramStatistics, _ out: inout [UInt8]) {
        let totals = total.computeQuantiles()
        let intervals = interval.computeQuantiles()
        for (index, name) in HistogramStatistics.quantileNames.enumerated() {
            out.append(contentsOf: index > 0 ? " P".utf8 : "P".utf8)
            out.append(contentsOf: name.utf8)
            out.append(UInt8(ascii: "("))
            if let intervals { out.appendShortest(intervals[index]) } else { out.append(contentsOf: "nan".utf8) }
            out.append(UInt8(ascii: ","))
            if let totals { out.appendShortest(totals[index]) } else { out.append(contentsOf: "nan".utf8) }
            out.append(UInt8(ascii: ")"))
        }
    }

    private func writeBuckets(
        _ name: String, _ total: HistogramStatistics, _ interval: HistogramStatistics, _ out: inout [UInt8]
    ) {
        let bounds = store.config.buckets.bounds(for: name)
        let totals = query.counts(total, bounds)
        let intervals = query.counts(interval, bounds)
        for (index, bound) in bounds.enumerated() {
            out.append(contentsOf: " B".utf8)
            out.appendGeneral(bound, digits: 6)
            out.append(UInt8(ascii: "("))
            out.appendDecimal(intervals[index])
            out.append(UInt8(ascii: ","))
            out.appendDecimal(totals[index])
            out.append(UInt8(ascii: ")"))
        }
    }

    private func writeBins(_ statistics: HistogramStatistics, _ out: inout [UInt8]) {
        for (index, bin) in statistics.sample.bins.enumerated() {
            if index > 0 { out.append(contentsOf: ", ".utf8) }
            out.appendGeneral(statistics.lowerBound(bin), digits: 6)
            out.append(UInt8(ascii: ","))
            out.appendGeneral(statistics.width(bin), digits: 6)
            out.append(UInt8(ascii: ":"))
            out.appendDecimal(bin.count)
        }
    }
}

extension StatsQuery {
    /// Counts per bucket as asked for: of all values up to the bound, or of those since the bound before.
    func counts(_ statistics: HistogramStatistics, _ bounds: [Double]) -> [UInt64] {
        let cumulative = statistics.cumulativeCounts(bounds)
        guard buckets == .disjoint else { return cumulative }
        return cumulative.indices.map { $0 == 0 ? cumulative[0] : cumulative[$0] - cumulative[$0 - 1] }
    }
}
