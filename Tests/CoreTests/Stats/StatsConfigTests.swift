import ConfigAPI
import CoreConfig
import SwiftProtobuf
import Testing

@testable import Core

@Suite struct StatsConfigTests {
    private func compile(
        _ change: (inout Envoy_Config_Metrics_V3_StatsConfig) -> Void, tags: [(name: String, value: String)] = []
    ) -> (config: StatsConfig, problems: [ConfigProblem]) {
        var message = Envoy_Config_Metrics_V3_StatsConfig()
        change(&message)
        var problems: [ConfigProblem] = []
        let config = StatsConfig(message, tags: tags, problems: &problems)
        return (config, problems)
    }

    private func prometheus(_ config: StatsConfig) -> String {
        let store = StatsStore(config: config)
        let worker = store.makeWorker(name: "main")
        let scope: StatScope<SampleStat> = store.scope(prefix: "cluster.east-zone.")
        worker.block(scope).add(.hits)
        var query = StatsQuery()
        query.format = .prometheus
        query.kinds = .counters
        return String(decoding: StatsRendering.all(store, query), as: UTF8.self)
    }

    @Test func fixedTagsComeFirst() {
        let (config, problems) = compile(
            {
                var tag = Envoy_Config_Metrics_V3_TagSpecifier()
                tag.tagName = "dc"
                tag.fixedValue = "x1"
                $0.statsTags = [tag]
            }, tags: [(name: "cli", value: "v")])
        #expect(problems.isEmpty)
        #expect(
            prometheus(config)
                == """
                # TYPE envoy_cluster_hits counter
                envoy_cluster_hits{cli="v",dc="x1",envoy_cluster_name="east-zone"} 1

                """)
    }

    @Test func defaultsMayBeTurnedOffAndTakenOneByOne() {
        let none = compile { $0.useAllDefaultTags = Google_Protobuf_BoolValue(false) }
        #expect(prometheus(none.config).hasSuffix("envoy_cluster_east_zone_hits{} 1\n"))
        let one = compile {
            $0.useAllDefaultTags = Google_Protobuf_BoolValue(false)
            var tag = Envoy_Config_Metrics_V3_TagSpecifier()
            tag.tagName = "envoy.cluster_name"
            $0.statsTags = [tag]
        }
        #expect(one.problems.isEmpty)
        #expect(prometheus(one.config).hasSuffix("envoy_cluster_hits{envoy_cluster_name=\"east-zone\"} 1\n"))
    }

    @Test func customRegexAddsALabel() {
        let (config, problems) = compile {
            var tag = Envoy_Config_Metrics_V3_TagSpecifier()
            tag.tagName = "zone"
            tag.regex = "^cluster\\.(\\w+)-zone"
            $0.statsTags = [tag]
        }
        #expect(problems.isEmpty)
        #expect(prometheus(config).contains("envoy_cluster_name=\"east-zone\",zone=\"east\""))
    }

    @Test func mistakesSayWhere() {
        let (_, problems) = compile {
            var unknown = Envoy_Config_Metrics_V3_TagSpecifier()
            unknown.tagName = "nope"
            var broken = Envoy_Config_Metrics_V3_TagSpecifier()
            broken.tagName = "a"
            broken.regex = "("
            var groupless = Envoy_Config_Metrics_V3_TagSpecifier()
            groupless.tagName = "b"
            groupless.regex = "x"
            $0.statsTags = [unknown, broken, groupless]
            var bucket = Envoy_Config_Metrics_V3_HistogramBucketSettings()
            bucket.match.prefix = "x"
            bucket.buckets = [1, 1]
            $0.histogramBucketSettings = [bucket]
        }
        #expect(
            problems.map(\.path) == [
                "stats_config.stats_tags[0]", "stats_config.stats_tags[1].regex", "stats_config.stats_tags[2].regex",
                "stats_config.histogram_bucket_settings[0].buckets[1]",
            ])
    }

    @Test func matchersAndBucketsCompile() {
        let (config, problems) = compile {
            var pattern = Envoy_Type_Matcher_V3_StringMatcher()
            pattern.prefix = "CLUSTER."
            pattern.ignoreCase = true
            $0.statsMatcher.inclusionList.patterns = [pattern]
            var bucket = Envoy_Config_Metrics_V3_HistogramBucketSettings()
            bucket.match.suffix = "_ms"
            bucket.buckets = [1, 10]
            $0.histogramBucketSettings = [bucket]
        }
        #expect(problems.isEmpty)
        #expect(config.matcher.accepts("cluster.a.x") && !config.matcher.accepts("listener.a.x"))
        #expect(config.buckets.bounds(for: "a_ms") == [1, 10])
        #expect(config.buckets.bounds(for: "a_us") == HistogramBuckets.standard)
        #expect(!compile { $0.statsMatcher.rejectAll = true }.config.matcher.accepts("x"))
    }
}
