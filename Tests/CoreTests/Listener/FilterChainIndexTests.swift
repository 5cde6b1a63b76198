import ConfigAPI
import Core
import SwiftProtobuf
import Testing

@Suite struct FilterChainIndexTests {
    typealias Match = Envoy_Config_Listener_V3_FilterChainMatch

    func index(_ chains: [(String, String)], hasDefault: Bool = false) throws -> FilterChainIndex {
        try FilterChainIndex(
            rules: chains.map { try FilterChainRule(Match(jsonString: $0.1)) }, names: chains.map(\.0),
            hasDefault: hasDefault)
    }

    func facts(
        _ destination: String = "10.0.0.1:80", from source: String = "192.0.2.1:5000", direct: String? = nil,
        sni: String = "", alpn: [String] = []
    ) throws -> ConnectionFacts {
        ConnectionFacts(
            destination: try #require(SocketAddress(destination)), source: try #require(SocketAddress(source)),
            directSource: try direct.map { try #require(SocketAddress($0)) }, serverName: sni,
            transportProtocol: sni.isEmpty && alpn.isEmpty ? .rawBuffer : .tls, applicationProtocols: alpn)
    }

    func failure(_ chains: [(String, String)]) -> [String] {
        do {
            _ = try index(chains)
            return []
        } catch let error as CompileFailure {
            return error.problems.map(\.description)
        } catch {
            return ["\(error)"]
        }
    }

    @Test func noChainAndNoDefaultIsNone() throws {
        #expect(try index([]).choose(facts()) == .none)
        #expect(try index([], hasDefault: true).choose(facts()) == .defaultChain)
        #expect(try index([("a", "{}")], hasDefault: true).choose(facts()) == .chain(0))
    }

    @Test func portOfItsOwnShutsOutTheOthers() throws {
        let chains = try index(
            [
                ("any", "{}"),
                ("p", #"{"destination_port":80,"prefix_ranges":[{"address_prefix":"10.9.0.0","prefix_len":16}]}"#),
            ],
            hasDefault: true)
        #expect(try chains.choose(facts("10.9.1.1:80")) == .chain(1))
        #expect(try chains.choose(facts("10.9.1.1:81")) == .chain(0))
        // The port's chain fails on the address: the chain without a port is not tried again.
        #expect(try chains.choose(facts("10.8.1.1:80")) == .defaultChain)
    }

    @Test func longerServerNameShutsOutShorterOnes() throws {
        let chains = try index([
            ("exact", #"{"server_names":["www.example.com"],"application_protocols":["h2"]}"#),
            ("wild", #"{"server_names":["*.example.com"]}"#),
            ("wider", #"{"server_names":["*.com"]}"#),
            ("none", "{}"),
        ])
        #expect(try chains.choose(facts(sni: "www.example.com", alpn: ["http/1.1", "h2"])) == .chain(0))
        #expect(try chains.choose(facts(sni: "www.example.com", alpn: ["http/1.1"])) == .none)
        #expect(try chains.choose(facts(sni: "WWW2.Example.COM")) == .chain(1))
        #expect(try chains.choose(facts(sni: "a.b.example.com")) == .chain(1))
        #expect(try chains.choose(facts(sni: "example.com")) == .chain(2))
        #expect(try chains.choose(facts(sni: "com")) == .chain(3))
        #expect(try chains.choose(facts(sni: "x.com.")) == .chain(3))
        #expect(try chains.choose(facts()) == .chain(3))
    }

    @Test func clientPreferenceDecidesAmongProtocols() throws {
        let chains = try index([
            ("h1", #"{"application_protocols":["http/1.1"]}"#), ("h2", #"{"application_protocols":["h2","h3"]}"#),
        ])
        #expect(try chains.choose(facts(alpn: ["x", "h2", "http/1.1"])) == .chain(1))
        #expect(try chains.choose(facts(alpn: ["http/1.1", "h2"])) == .chain(0))
        #expect(try chains.choose(facts(alpn: ["x"])) == .none)
    }

    @Test func onlyTheExactLoopbackAddressIsLocal() throws {
        let chains = try index([
            ("local", #"{"source_type":"SAME_IP_OR_LOOPBACK"}"#), ("external", #"{"source_type":"EXTERNAL"}"#),
        ])
        #expect(try chains.choose(facts(from: "127.0.0.1:9")) == .chain(0))
        #expect(try chains.choose(facts(from: "127.0.0.2:9")) == .chain(1))
        #expect(try chains.choose(facts("10.0.0.1:80", from: "10.0.0.1:9")) == .chain(0))
        #expect(try chains.choose(facts("[::2]:80", from: "[::1]:9")) == .chain(0))
        #expect(try chains.choose(facts("[::2]:80", from: "[::3]:9")) == .chain(1))
        #expect(try chains.choose(facts("[::ffff:10.0.0.1]:80", from: "10.0.0.1:9")) == .chain(0))
        #expect(try chains.choose(facts(from: "/run/peer.sock")) == .chain(0))
    }

    @Test func directSourceIsThePeerOfTheSocket() throws {
        let chains = try index([
            (
                "proxied",
                #"{"direct_source_prefix_ranges":[{"address_prefix":"10.7.0.0","prefix_len":16}],"source_prefix_ranges":[{"address_prefix":"192.0.2.0","prefix_len":24}]}"#
            ),
            ("other", "{}"),
        ])
        #expect(try chains.choose(facts(from: "192.0.2.9:1", direct: "10.7.0.1:1")) == .chain(0))
        #expect(try chains.choose(facts(from: "192.0.3.9:1", direct: "10.7.0.1:1")) == .none)
        #expect(try chains.choose(facts(from: "192.0.2.9:1", direct: "10.8.0.1:1")) == .chain(1))
    }

    @Test func unixCountsAsTheLastAddress() throws {
        let chains = try index([
            ("all", #"{"prefix_ranges":[{"address_prefix":"0.0.0.0","prefix_len":0}]}"#),
            ("some", #"{"prefix_ranges":[{"address_prefix":"10.0.0.0","prefix_len":8}]}"#),
        ])
        #expect(try chains.choose(facts("/run/listener.sock", from: "/run/peer.sock")) == .chain(0))
    }

    @Test func sourcePortsComeLast() throws {
        let chains = try index([
            ("port", #"{"source_ports":[5000,5001]}"#),
            ("block", #"{"source_prefix_ranges":[{"address_prefix":"192.0.2.0","prefix_len":24}],"source_ports":[7]}"#),
        ])
        #expect(try chains.choose(facts(from: "198.51.100.1:5001")) == .chain(0))
        #expect(try chains.choose(facts(from: "198.51.100.1:5002")) == .none)
        #expect(try chains.choose(facts(from: "192.0.2.1:5000")) == .none)
        #expect(try chains.choose(facts(from: "192.0.2.1:7")) == .chain(1))
    }

    @Test func chainsThatCannotBeToldApartAreNamed() {
        #expect(
            failure([("a", #"{"destination_port":1}"#), ("b", "{}"), ("c", #"{"destination_port":1}"#)]) == [
                #"filter_chains[2].filter_chain_match: filter chain "c" has the same conditions as filter chain "a""#
            ])
        #expect(
            failure([("", "{}"), ("", "{}")]) == [
                "filter_chains[1].filter_chain_match: filter chain #1 has the same conditions as filter chain #0"
            ])
        let overlap = failure([("a", #"{"source_ports":[1,2]}"#), ("b", #"{"source_ports":[2,3,4]}"#)])
        #expect(overlap.count == 1)
        #expect(overlap.first?.contains(#""b" overlaps filter chain "a""#) == true)
        #expect(failure([("a", #"{"source_ports":[1,1]}"#)]).first?.contains("names the same condition twice") == true)
        // What Envoy refuses after normalising: case, host bits, "*.x" and ".x".
        #expect(failure([("a", #"{"server_names":["A.com"]}"#), ("b", #"{"server_names":["a.com"]}"#)]).count == 1)
        #expect(failure([("a", #"{"server_names":[".x.com"]}"#), ("b", #"{"server_names":["*.x.com"]}"#)]).count == 1)
        #expect(
            failure([
                ("a", #"{"prefix_ranges":[{"address_prefix":"10.0.0.1","prefix_len":8}]}"#),
                ("b", #"{"prefix_ranges":[{"address_prefix":"10.2.0.1","prefix_len":8}]}"#),
            ]).count == 1)
    }

    @Test func chainsThatDifferAnywhereLoad() {
        #expect(
            failure([
                ("a", "{}"), ("b", #"{"prefix_ranges":[{"address_prefix":"0.0.0.0","prefix_len":0}]}"#),
                ("c", #"{"transport_protocol":"tls"}"#), ("d", #"{"transport_protocol":"quic"}"#),
                ("e", #"{"source_type":"EXTERNAL"}"#), ("f", #"{"server_names":["*.a.*.com"]}"#),
            ]) == [])
    }

    @Test func badMatchesNameEveryProblem() throws {
        let json = #"""
            {"address_suffix":"1.1","suffix_len":0,"destination_port":70000,"source_ports":[5,0],
             "server_names":["ok.com","*","a*.com"],"prefix_ranges":[{"address_prefix":"x","prefix_len":8}]}
            """#
        do {
            _ = try FilterChainRule(Match(jsonString: json))
            Issue.record("A bad match compiled.")
        } catch let error as CompileFailure {
            #expect(
                error.problems.map(\.path) == [
                    "address_suffix", "suffix_len", "destination_port", "source_ports[1]",
                    "prefix_ranges[0].address_prefix",
                    "server_names[1]", "server_names[2]",
                ])
        }
    }

    @Test func tooManyCombinationsAreRefused() {
        var rule = FilterChainRule()
        rule.serverNames = (0..<1025).map { "n\($0).example" }
        rule.sourcePorts = (1...1025).map { UInt16($0) }
        #expect(throws: CompileFailure.self) { try FilterChainIndex(rules: [rule], names: ["a"], hasDefault: false) }
    }
}
