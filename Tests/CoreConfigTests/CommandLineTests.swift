// The command line: Envoy's names and defaults, our quick mode, and an answer to everything else.
import ConfigAPI
import CoreConfig
import Testing

@Suite struct CommandLineTests {
    func options(_ arguments: String...) -> CommandLineOptions? {
        if case .run(let options) = CommandLineOutcome.read(arguments) { return options }
        return nil
    }

    func stopText(_ arguments: String...) -> String {
        if case .stop(let text, let code) = CommandLineOutcome.read(arguments) { return "\(code) \(text)" }
        return "runs"
    }

    @Test func defaultsAreEnvoys() {
        let found = options("-c", "x.yaml")
        #expect(found?.configPath == "x.yaml")
        #expect(found?.mode == .serve)
        #expect(found?.logLevel == .info)
        #expect(found?.concurrency == nil)
        #expect(found?.fileFlushIntervalMS == 10_000)
        #expect(found?.fileFlushMinSizeKB == 64)
        #expect(found?.drainTimeS == 600)
        #expect(found?.drainStrategy == .gradual)
        #expect(found?.parentShutdownTimeS == 900)
        #expect(found?.isQuickMode == false)
    }

    @Test func allOptionsAreRead() {
        let found = options(
            "--config-path", "x.yaml", "--config-yaml", "{}", "--mode", "init_only", "--concurrency", "2", "-l", "warn",
            "--component-log-level", "upstream:debug,config:off", "--log-format", "%v", "--log-path", "/tmp/l",
            "--admin-address-path", "/tmp/a", "--service-cluster", "sc", "--service-node", "sn", "--service-zone", "sz",
            "--file-flush-interval-msec", "50", "--file-flush-min-size-kb", "1", "--drain-time-s", "3",
            "--drain-strategy", "immediate", "--parent-shutdown-time-s", "4", "--base-id", "5", "--disable-hot-restart",
            "--stats-tag", "a:b:c", "--stats-tag", "d:e", "--allow-unknown-static-fields", "--skip-deprecated-logs")
        #expect(found?.mode == .initOnly)
        #expect(found?.logLevel == .warning)
        #expect(found?.componentLogLevels.map(\.component) == ["upstream", "config"])
        #expect(found?.componentLogLevels.map(\.level) == [.debug, .off])
        #expect(found?.statsTagPairs.map(\.value) == ["b:c", "e"])
        #expect(found?.serviceNode == "sn")
        #expect(found?.drainStrategy == .immediate)
        #expect(found?.disableHotRestart == true)
        #expect(found?.allowUnknownStaticFields == true)
    }

    @Test func wrongValuesAreRefused() {
        #expect(stopText("-c", "x", "-l", "loud").hasPrefix("1 "))
        #expect(stopText("-c", "x", "--drain-time-s", "-1").hasPrefix("1 "))
        #expect(stopText("-c", "x", "--concurrency", "many").hasPrefix("1 "))
        #expect(stopText("-c", "x", "--component-log-level", "a:b").contains("COMPONENT:LEVEL"))
        #expect(stopText("-c", "x", "--stats-tag", "ab").contains("NAME:VALUE"))
        #expect(stopText("--bogus").contains("bogus"))
        #expect(stopText().contains("a configuration is needed"))
        #expect(stopText("-c", "x", "--listen", "127.0.0.1:1").contains("cannot be used with --config-path"))
        #expect(stopText("--listen", "example.com:1").contains("ADDRESS:PORT"))
        #expect(stopText("--listen", "127.0.0.1:1", "--upstream", "a:0").contains("HOST:PORT"))
        #expect(stopText("--upstream", "a:1").contains("--listen"))
        #expect(stopText("--help").hasPrefix("0 "))
    }

    @Test(arguments: ["--restart-epoch", "--cpuset-threads", "--use-dynamic-base-id", "--socket-path=x"])
    func optionsOfEnvoyThatWeDoNotHaveSaySo(_ option: String) {
        #expect(stopText("-c", "x", option).contains("is an option of Envoy that Sluice does not support yet"))
    }

    @Test func quickModeStandsForAConfigurationThatLoads() throws {
        let found = try #require(
            options(
                "--listen", "127.0.0.1:9000", "--listen", "[::1]:9001", "--listen", "/tmp/s.sock", "--upstream",
                "a.example:1",
                "--upstream", "10.0.0.1:2", "--upstream", "on:3", "--admin", ":9901", "--print-config"))
        let yaml = QuickMode.yaml(found)
        let loaded = ConfigLoader().load(found, quickModeYAML: yaml)
        #expect(loaded.problems.isEmpty, "\(loaded.problems)\n\(yaml)")
        #expect(loaded.bootstrap.staticResources.listeners.count == 3)
        #expect(loaded.bootstrap.staticResources.listeners[1].address.socketAddress.address == "::1")
        #expect(loaded.bootstrap.staticResources.listeners[2].address.pipe.path == "/tmp/s.sock")
        #expect(loaded.cluster.type == .strictDns)
        #expect(
            loaded.cluster.loadAssignment.endpoints[0].lbEndpoints[2].endpoint.address.socketAddress.address == "on")
        #expect(loaded.bootstrap.admin.address.socketAddress.portValue == 9901)
        let literal = try #require(options("--listen", "127.0.0.1:9000", "--upstream", "10.0.0.1:2"))
        #expect(ConfigLoader().load(literal, quickModeYAML: QuickMode.yaml(literal)).cluster.type == .static)
        let echo = try #require(options("--listen", "127.0.0.1:9000"))
        let echoed = ConfigLoader().load(echo, quickModeYAML: QuickMode.yaml(echo))
        #expect(echoed.problems.isEmpty)
        #expect(echoed.listener.filterChains[0].filters[0].name == "envoy.filters.network.echo")
    }

    @Test func deprecationsCanBeSilenced() throws {
        let yaml = "{static_resources: {clusters: [{name: c, respect_dns_ttl: true}]}}"
        let told = try #require(options("--config-yaml", yaml))
        #expect(ConfigLoader().load(told).warnings.count == 1)
        let silent = try #require(options("--config-yaml", yaml, "--skip-deprecated-logs"))
        #expect(ConfigLoader().load(silent).problems.isEmpty)
    }

    @Test func filesAreNamedInProblems() {
        #expect(ConfigLoader().load(path: "/nonexist/x.yaml").errors == ["/nonexist/x.yaml: error: no such file"])
        #expect(
            ConfigLoader().load(path: "/tmp/x.pb").errors[0].contains(
                "protobuf files are not read; allowed: .yaml, .yml, .json"))
    }
}
