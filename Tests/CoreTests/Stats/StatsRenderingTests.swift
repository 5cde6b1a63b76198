import Testing

@testable import Core

@Suite struct StatsRenderingTests {
    private let store: StatsStore
    private let worker: WorkerStats
    private let scopes: [StatScope<SampleStat>]

    init() throws {
        store = StatsStore()
        worker = store.makeWorker(name: "main")
        scopes = ["cluster.b.", "cluster.a.", "cluster.a.x."].map { [store] in store.scope(prefix: $0) }
        worker.block(scopes[0]).add(.hits, 3)
        worker.block(scopes[0]).add(.active, 2)
        worker.block(scopes[0]).sub(.active, 2)
        worker.block(scopes[0]).record(.length, 1)
    }

    private func render(_ change: (inout StatsQuery) -> Void = { _ in }) -> String {
        var query = StatsQuery()
        change(&query)
        return String(decoding: StatsRendering.all(store, query), as: UTF8.self)
    }

    @Test func textIsSortedWithHistogramsLast() {
        store.mergeHistograms()
        #expect(
            render() == """
                cluster.a.active: 0
                cluster.a.hits: 0
                cluster.a.x.active: 0
                cluster.a.x.hits: 0
                cluster.b.active: 0
                cluster.b.hits: 3
                cluster.a.length_ms: No recorded values
                cluster.a.x.length_ms: No recorded values
                cluster.b.length_ms: P0(1.05,1.05) P25(1.05,1.05) P50(1.05,1.05) P75(1.05,1.05) P90(1.05,1.05) \
                P95(1.05,1.05) P99(1.05,1.05) P99.5(1.05,1.05) P99.9(1.05,1.05) P100(1.05,1.05)

                """)
    }

    @Test func usedOnlyKeepsAGaugeThatCameBackToZero() {
        store.mergeHistograms()
        store.mergeHistograms()
        #expect(
            render { $0.usedOnly = true } == """
                cluster.b.active: 0
                cluster.b.hits: 3
                cluster.b.length_ms: P0(nan,1.05) P25(nan,1.05) P50(nan,1.05) P75(nan,1.05) P90(nan,1.05) \
                P95(nan,1.05) P99(nan,1.05) P99.5(nan,1.05) P99.9(nan,1.05) P100(nan,1.05)

                """)
    }

    @Test func filterAndTypeSelect() throws {
        let textFilter = try RE2Regex("\\.a\\.")
        let text = render {
            $0.filter = textFilter
            $0.kinds = .gauges
        }
        #expect(text == "cluster.a.active: 0\ncluster.a.x.active: 0\n")
    }

    @Test func jsonHasEnvoysShape() throws {
        store.mergeHistograms()
        store.mergeHistograms()
        let textFilter = try RE2Regex("^cluster\\.b")
        let text = render {
            $0.format = .json
            $0.filter = textFilter
        }
        let quantile = "{\"cumulative\":1.05,\"interval\":null}"
        #expect(
            text == """
                {"stats":[{"name":"cluster.b.active","value":0},{"name":"cluster.b.hits","value":3},\
                {"histograms":{"supported_quantiles":[0,25,50,75,90,95,99,99.5,99.9,100],"computed_quantiles":[\
                {"name":"cluster.b.length_ms","values":[\(Array(repeating: quantile, count: 10).joined(separator: ","))]}\
                ]}}]}
                """)
    }

    @Test func jsonWithoutHistogramsHasNoHistogramsMember() {
        #expect(
            render {
                $0.format = .json
                $0.kinds = .counters
                $0.usedOnly = true
            } == "{\"stats\":[{\"name\":\"cluster.b.hits\",\"value\":3}]}")
    }

    @Test func bucketVariants() throws {
        worker.block(scopes[0]).record(.length, 110)
        store.mergeHistograms()
        let only = try RE2Regex("cluster.b.length")
        let disjoint = render {
            $0.filter = only
            $0.buckets = .disjoint
        }
        #expect(
            disjoint == """
                cluster.b.length_ms: B0.5(0,0) B1(1,1) B5(0,0) B10(0,0) B25(0,0) B50(0,0) B100(0,0) B250(1,1) B500(0,0) \
                B1000(0,0) B2500(0,0) B5000(0,0) B10000(0,0) B30000(0,0) B60000(0,0) B300000(0,0) B600000(0,0) \
                B1.8e+06(0,0) B3.6e+06(0,0)

                """)
        let detailed = render {
            $0.filter = only
            $0.buckets = .detailed
        }
        #expect(detailed.hasPrefix("cluster.b.length_ms:\n  totals=1,0.1:1, 110,10:1\n  intervals=1,0.1:1, 110,10:1\n"))
        let json = render {
            $0.filter = only
            $0.buckets = .detailed
            $0.format = .json
        }
        #expect(
            json.contains(
                "\"totals\":[{\"lower_bound\":1,\"width\":0.1,\"count\":1},{\"lower_bound\":110.00000000000001,"))
        let cumulative = render {
            $0.filter = only
            $0.buckets = .cumulative
            $0.format = .json
        }
        #expect(
            cumulative.hasPrefix(
                "{\"stats\":[{\"histograms\":[{\"name\":\"cluster.b.length_ms\",\"buckets\":[{\"upper_bound\":0.5,\"interval\":0,\"cumulative\":0},"
            ))
        #expect(cumulative.hasSuffix("{\"upper_bound\":3600000,\"interval\":2,\"cumulative\":2}]}]}]}"))
    }

    @Test func prometheusGroupsByMetric() throws {
        store.mergeHistograms()
        let textFilter = try RE2Regex("cluster\\.[ab]\\.(hits|active)")
        let text = render {
            $0.format = .prometheus
            $0.filter = textFilter
        }
        #expect(
            text == """
                # TYPE envoy_cluster_hits counter
                envoy_cluster_hits{envoy_cluster_name="a"} 0
                envoy_cluster_hits{envoy_cluster_name="b"} 3
                # TYPE envoy_cluster_active gauge
                envoy_cluster_active{envoy_cluster_name="a"} 0
                envoy_cluster_active{envoy_cluster_name="b"} 0

                """)
        let histogramFilter = try RE2Regex("length")
        let histogram = render {
            $0.format = .prometheus
            $0.usedOnly = true
            $0.filter = histogramFilter
        }
        #expect(histogram.contains("envoy_cluster_length_ms_bucket{envoy_cluster_name=\"b\",le=\"0.5\"} 0\n"))
        #expect(histogram.contains("envoy_cluster_length_ms_bucket{envoy_cluster_name=\"b\",le=\"1800000\"} 1\n"))
        #expect(histogram.contains("envoy_cluster_length_ms_bucket{envoy_cluster_name=\"b\",le=\"+Inf\"} 1\n"))
        #expect(histogram.hasSuffix("envoy_cluster_length_ms_count{envoy_cluster_name=\"b\"} 1\n"))
    }

    @Test func labelsAreEscaped() {
        let odd: StatScope<SampleStat> = store.scope(
            prefix: "odd-one.", tags: [StatTag(name: "a.b", value: "x\"\\\ny")])
        let text = render { $0.format = .prometheus }
        #expect(text.contains("envoy_odd_one_hits{a_b=\"x\\\"\\\\\\ny\"} 0\n"))
        withExtendedLifetime(odd) {}
    }

    @Test func resetCountersKeepsGaugesAndHistograms() {
        worker.block(scopes[0]).add(.active, 5)
        store.mergeHistograms()
        store.resetCounters()
        #expect(store.value(scopes[0], .hits) == 0)
        #expect(store.value(scopes[0], .active) == 5)
        #expect(store.histogram(scopes[0], .length).count == 1)
        worker.block(scopes[0]).add(.hits)
        store.resetCounters()
        worker.block(scopes[0]).add(.hits, 2)
        #expect(store.value(scopes[0], .hits) == 2)
    }

    @Test func equalNamesFromTwoScopesAreSummed() {
        enum Deep: Int, StatKey {
            case xHits
            var definition: StatDefinition { .counter("x.hits") }
        }
        let deep: StatScope<Deep> = store.scope(prefix: "cluster.a.")
        worker.block(deep).add(.xHits, 4)
        worker.block(scopes[2]).add(.hits, 1)
        #expect(render().contains("cluster.a.x.hits: 5\n"))
    }

    @Test func piecesAddUpToTheWhole() {
        store.mergeHistograms()
        for format in [StatsQuery.Format.text, .json, .prometheus] {
            var query = StatsQuery()
            query.format = format
            var rendering = StatsRendering(store, query)
            var whole: [UInt8] = []
            var piece: [UInt8] = []
            var rounds = 0
            while rendering.fill(&piece, upTo: 1) {
                whole += piece
                piece = []
                rounds += 1
            }
            #expect(whole + piece == StatsRendering.all(store, query))
            #expect(rounds > 1)
        }
    }

    @Test func matcherKeepsStatsOut() throws {
        var config = StatsConfig()
        config.matcher = .exclusion([StringMatcher(.suffix("hits")), StringMatcher(.prefix("noisy."))])
        let store = StatsStore(config: config)
        let worker = store.makeWorker(name: "main")
        let quiet: StatScope<SampleStat> = store.scope(prefix: "quiet.")
        let noisy: StatScope<SampleStat> = store.scope(prefix: "noisy.")
        for scope in [quiet, noisy] {
            worker.block(scope).add(.hits)
            worker.block(scope).add(.active)
            worker.block(scope).record(.length, 7)
        }
        store.mergeHistograms()
        let text = String(decoding: StatsRendering.all(store, StatsQuery()), as: UTF8.self)
        #expect(text.hasPrefix("quiet.active: 1\nquiet.length_ms: P0"))
        #expect(!text.contains("hits") && !text.contains("noisy"))
        // A rejected histogram holds nothing.
        #expect(store.histogram(noisy, .length).isEmpty)
    }

    @Test func queryRefusesWhatEnvoyRefuses() {
        #expect(throws: StatsQuery.Refusal(text: "invalid &type= param")) {
            try StatsQuery([(name: "type", value: "gauges")])
        }
        #expect(throws: StatsQuery.Refusal(text: "Invalid re2 regex: missing ): (")) {
            try StatsQuery([(name: "filter", value: "(")])
        }
        #expect(throws: StatsQuery.Refusal.self) { try StatsQuery([(name: "format", value: "xml")]) }
        #expect(throws: StatsQuery.Refusal.self) { try StatsQuery([(name: "histogram_buckets", value: "bad")]) }
    }

    @Test func flusherKeepsTheServersStats() {
        let source = StatsFlusher.Source(concurrency: 4, version: 7) { 11 }
        let flusher = StatsFlusher(
            store: store, stats: worker, source: source, startTime: Instant(nanoseconds: 1_000_000_000))
        var refreshed = 0
        flusher.onRefresh { refreshed += 1 }
        flusher.state = .live
        flusher.flush(now: Instant(nanoseconds: 8_900_000_000))
        let server: StatScope<ServerStat> = store.scope(prefix: ServerStat.prefix)
        #expect(store.value(server, .uptime) == 7)
        #expect(store.value(server, .live) == 1)
        #expect(store.value(server, .state) == 0)
        #expect(store.value(server, .concurrency) == 4)
        #expect(store.value(server, .totalConnections) == 11)
        #expect(store.value(server, .memoryPhysicalSize) > 1 << 20)
        #expect(store.value(server, .daysUntilFirstCertExpiring) == 4_294_967_295)
        #expect(refreshed == 1)
        #expect(render { $0.usedOnly = true }.contains("cluster.b.length_ms: P0(1.05,1.05)"))
    }
}
