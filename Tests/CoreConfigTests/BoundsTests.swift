// The loader takes any bytes: it ends, in bounded memory, with problems and never with a trap.
import ConfigAPI
import CoreConfig
import Testing

@Suite struct BoundsTests {
    @Test func aliasBombIsStopped() {
        var yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            let items = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            yaml += "a\(level): &a\(level) [\(items)]\n"
        }
        let loaded = Sample.load("node: {metadata: {\n" + yaml.replacing("\n", with: ",\n") + "}}")
        #expect(loaded.errors.contains { $0.contains("aliases expand to more than") })
    }

    @Test func deepNestingIsStopped() {
        for depth in [50, 100, 900, 5_000] {
            let open = String(repeating: "{a: ", count: depth)
            let loaded = Sample.load("node: {metadata: " + open + "1" + String(repeating: "}", count: depth) + "}")
            #expect(loaded.hasErrors)
            let lists = Sample.load(
                "node_context_params: " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth))
            #expect(lists.hasErrors == (depth > 90))
        }
        let rules = "{not_rule: "
        let deep = String(repeating: rules, count: 200) + "{any: true}" + String(repeating: "}", count: 200)
        #expect(
            Sample.load(
                "static_resources: {listeners: [{filter_chains: [{filters: [{name: r, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC, stat_prefix: s, rules: {policies: {p: {permissions: [\(deep)], principals: [{any: true}]}}}}}]}]}]}"
            ).hasErrors)
    }

    @Test func hugeScalarsAndManyProblems() {
        let long = String(repeating: "9", count: 1 << 20)
        #expect(Sample.load(Sample.yaml(cluster: "per_connection_buffer_limit_bytes: \(long)")).hasErrors)
        #expect(Sample.load(Sample.yaml(cluster: "cleanup_interval: \(long)s")).hasErrors)
        #expect(Sample.load(Sample.yaml(cluster: "lb_policy: \(long)")).hasErrors)
        let many = (0..<5_000).map { "x\($0): 1" }.joined(separator: "\n")
        let loaded = Sample.load(many)
        #expect(loaded.hasErrors)
        #expect(loaded.problems.count < 1_000)
    }

    @Test func everyTruncationAndManyMutationsEnd() {
        let sample = Array(
            Sample.yaml(
                listener:
                    "access_log: [{name: envoy.access_loggers.stdout}]\nmetadata: {filter_metadata: {a: {b: [1, x, null]}}}",
                cluster:
                    "load_assignment: {cluster_name: c, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 1.1.1.1, port_value: 1}}}}]}]}"
            ).utf8)
        for length in stride(from: 0, to: sample.count, by: 3) {
            _ = ConfigLoader().parse(bytes: Array(sample[..<length]), fileName: "x.yaml")
        }
        var state: UInt64 = 42
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        for _ in 0..<1_000 {
            var bytes = sample
            for _ in 0...random(4) { bytes[random(bytes.count)] = UInt8(random(256)) }
            _ = ConfigLoader().parse(bytes: bytes, fileName: "x.yaml")
        }
        for _ in 0..<500 {
            let bytes = (0..<random(60)).map { _ in UInt8(random(256)) }
            _ = ConfigLoader().parse(bytes: bytes, fileName: "x.yaml")
            _ = RuleChecker.check(bytes, messageName: "envoy.config.bootstrap.v3.Bootstrap")
        }
    }
}
