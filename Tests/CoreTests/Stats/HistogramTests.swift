import Testing

@testable import Core

@Suite struct HistogramTests {
    @Test func everyValueFallsIntoTheBinThatHoldsIt() {
        var values: [UInt64] = [0, 1, 9, 10, 11, 99, 100, 101, 109, 110, 999, 1000, .max]
        for power in HistogramBin.powers.indices {
            let value = HistogramBin.powers[power]
            values += [value, value + 1, value - 1]
        }
        for value in values {
            let bin = HistogramBin.index(of: value)
            let low = HistogramBin.lowerBound(bin)
            // A hair of slack: bounds are floating-point.
            #expect(low <= Double(value) * (1 + 1e-15), "\(value)")
            #expect(value == 0 || Double(value) < (low + HistogramBin.width(bin)) * (1 + 1e-15), "\(value)")
        }
    }

    @Test func binsGrowWithValues() {
        var last = -1
        for value in UInt64(0)..<20_000 {
            let bin = HistogramBin.index(of: value)
            #expect(bin >= last)
            last = bin
        }
    }

    @Test func tablesGrowAndKeepCounts() {
        var table = HistogramTable.grown(from: nil)
        var olds: [HistogramTable] = []
        for value in UInt64(0)..<5_000 {
            while !table.add(value * 7) {
                olds.append(table)
                table = HistogramTable.grown(from: table.memory)
            }
        }
        var total: UInt64 = 0
        table.visit { total += $1 }
        #expect(total == 5_000)
        for old in olds + [table] { old.memory.deallocate() }
    }

    /// Bins and quantiles as Envoy 1.40 printed them for `upstream_cx_length_ms` (`histogram_buckets=detailed`).
    @Test func quantilesAreEnvoys() throws {
        let counts: [(UInt64, UInt64)] = [
            (0, 1), (1, 4), (2, 1), (3, 5), (4, 6), (5, 3), (6, 1), (9, 1), (12, 1), (13, 3), (14, 2), (15, 1), (16, 2),
            (17, 1), (18, 1), (45, 1), (46, 3), (47, 1), (48, 2), (49, 1), (50, 4), (51, 2), (53, 1), (110, 12),
        ]
        let statistics = HistogramStatistics(sample(counts), unit: .milliseconds)
        let quantiles = try #require(statistics.computeQuantiles())
        var text: [UInt8] = []
        for value in quantiles {
            text.appendShortest(value)
            text.append(UInt8(ascii: " "))
        }
        #expect(
            String(decoding: text, as: UTF8.self) == """
                0 4.057142857142857 16.333333333333332 50.8 114.61538461538463 116.92307692307693 119.23076923076924 \
                119.23076923076924 119.23076923076924 119.23076923076924 \

                """)
        #expect(
            statistics.cumulativeCounts(HistogramBuckets.standard)
                == [1, 5, 20, 22, 33, 45, 48] + [UInt64](repeating: 60, count: 12))
        var sum: [UInt8] = []
        sum.appendGeneral(statistics.sum, digits: 8)
        #expect(String(decoding: sum, as: UTF8.self) == "2357.1599")
    }

    @Test func percentHistogramsPrintFractions() throws {
        let statistics = HistogramStatistics(sample([(500_000, 1)]), unit: .percent)
        let median = try #require(statistics.computeQuantiles())[2]
        #expect(median > 0.5 && median < 0.51)
    }

    @Test func emptySampleHasNoQuantiles() {
        #expect(HistogramStatistics(HistogramSample(), unit: .unspecified).computeQuantiles() == nil)
    }

    @Test func intervalIsWhatCameSinceTheLastFlush() {
        var merged = MergedHistogram()
        merged.merge(sample([(5, 2)]))
        #expect(merged.interval.count == 2)
        merged.merge(sample([(5, 3), (9, 1)]))
        #expect(merged.interval == sample([(5, 1), (9, 1)]))
        merged.merge(sample([(5, 3), (9, 1)]))
        #expect(merged.interval.isEmpty)
        #expect(merged.cumulative.count == 4)
    }

    private func sample(_ values: [(UInt64, UInt64)]) -> HistogramSample {
        HistogramSample(counts: values.map { (HistogramBin.index(of: $0.0), $0.1) })
    }
}
