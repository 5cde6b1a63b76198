/// Merging, resetting. Main thread.
extension StatsStore {
    /// Brings the merged histograms up to date; what came since the last call becomes their interval.
    func mergeHistograms() {
        for record in liveRecords() {
            guard !record.layout.histogramIndices.isEmpty else { continue }
            let reading = self.reading(record)
            for index in record.layout.histogramIndices where !record.rejected.contains(index) {
                let total = reading.histogram(index)
                // A histogram without values costs nothing here.
                if total.isEmpty, record.main?.histograms[index] == nil { continue }
                notes(of: record).histograms[index, default: MergedHistogram()].merge(total)
            }
        }
        freeOutgrownTables()
    }

    /// `/reset_counters`: counters start from zero. Gauges and histograms stay, as in Envoy.
    public func resetCounters() {
        for record in liveRecords() {
            let reading = self.reading(record)
            guard !reading.blocks.isEmpty else { continue }
            let notes = notes(of: record)
            var bases =
                notes.counterBases.isEmpty
                ? [Int](repeating: 0, count: record.layout.definitions.count) : notes.counterBases
            for (index, definition) in record.layout.definitions.enumerated() where definition.kind == .counter {
                bases[index] += reading.value(index).number
            }
            notes.counterBases = bases
        }
    }
}
