import ConfigAPI
import SwiftProtobuf
import Testing

@testable import Core

@Suite struct RBACEngineTests {
    typealias Message = Envoy_Config_Rbac_V3_RBAC

    func engine(_ json: String) throws -> RBACEngine { try RBACEngine(Message(jsonString: json)) }

    static let input = RBACInput(
        destination: SocketAddress("10.0.0.1:443"), source: SocketAddress("192.0.2.7:5000"),
        directSource: SocketAddress("172.16.0.1:5001"), serverName: "www.example.com",
        metadata: Metadata(filterMetadata: ["f": .object(["k": .string("v")])]),
        filterState: ["name": "alice", "addr": "198.51.100.9:80"])

    /// Whether an ALLOW policy with this permission and any principal matches.
    func permits(_ permission: String, _ input: RBACInput = input) throws -> Bool {
        try engine(#"{"policies":{"p":{"permissions":["# + permission + #"],"principals":[{"any":true}]}}}"#)
            .decide(input).isAllowed
    }

    func identifies(_ principal: String, _ input: RBACInput = input) throws -> Bool {
        try engine(#"{"policies":{"p":{"permissions":[{"any":true}],"principals":["# + principal + #"]}}}"#)
            .decide(input).isAllowed
    }

    @Test(arguments: [
        (#"{"any":true}"#, true),
        (#"{"destination_ip":{"address_prefix":"10.0.0.0","prefix_len":8}}"#, true),
        (#"{"destination_ip":{"address_prefix":"11.0.0.0","prefix_len":8}}"#, false),
        (#"{"destination_port":443}"#, true), (#"{"destination_port":80}"#, false),
        (#"{"destination_port_range":{"start":443,"end":444}}"#, true),
        (#"{"destination_port_range":{"start":1,"end":443}}"#, false),
        (#"{"requested_server_name":{"suffix":".example.com"}}"#, true),
        (#"{"requested_server_name":{"exact":"example.com"}}"#, false),
        (#"{"not_rule":{"destination_port":80}}"#, true),
        (#"{"and_rules":{"rules":[{"any":true},{"destination_port":443}]}}"#, true),
        (#"{"and_rules":{"rules":[{"any":true},{"destination_port":80}]}}"#, false),
        (#"{"or_rules":{"rules":[{"destination_port":80},{"destination_port":443}]}}"#, true),
        (#"{"or_rules":{"rules":[{"destination_port":80},{"destination_port":81}]}}"#, false),
        (#"{"metadata":{"filter":"f","path":[{"key":"k"}],"value":{"string_match":{"exact":"v"}}}}"#, true),
        (
            #"{"sourced_metadata":{"metadata_matcher":{"filter":"f","path":[{"key":"x"}],"value":{"present_match":true}}}}"#,
            false
        ),
    ])
    func permissionsTestTheDestination(rule: String, expected: Bool) throws {
        #expect(try permits(rule) == expected)
    }

    @Test(arguments: [
        (#"{"any":true}"#, true),
        (#"{"remote_ip":{"address_prefix":"192.0.2.0","prefix_len":24}}"#, true),
        (#"{"source_ip":{"address_prefix":"192.0.2.0","prefix_len":24}}"#, true),
        (#"{"remote_ip":{"address_prefix":"172.16.0.0","prefix_len":16}}"#, false),
        (#"{"direct_remote_ip":{"address_prefix":"172.16.0.0","prefix_len":16}}"#, true),
        (#"{"authenticated":{}}"#, false),
        (#"{"not_id":{"authenticated":{}}}"#, true),
        (#"{"and_ids":{"ids":[{"any":true},{"authenticated":{}}]}}"#, false),
        (#"{"or_ids":{"ids":[{"authenticated":{}},{"any":true}]}}"#, true),
        (#"{"filter_state":{"key":"name","string_match":{"prefix":"al"}}}"#, true),
        (#"{"filter_state":{"key":"absent","string_match":{"exact":""}}}"#, false),
        (
            #"{"filter_state":{"key":"addr","address_match":{"ranges":[{"address_prefix":"198.51.100.0","prefix_len":24}]}}}"#,
            true
        ),
        (#"{"filter_state":{"key":"name","address_match":{"ranges":[{"address_prefix":"0.0.0.0"}]}}}"#, false),
        (
            #"{"metadata":{"filter":"f","path":[{"key":"k"}],"value":{"string_match":{"exact":"w"}},"invert":true}}"#,
            true
        ),
    ])
    func principalsTestTheSource(id: String, expected: Bool) throws {
        #expect(try identifies(id) == expected)
    }

    @Test func certificateNamesAreTriedInOrder() throws {
        var input = Self.input
        input.tlsPeer = RBACPeer()
        #expect(try identifies(#"{"authenticated":{}}"#, input))
        #expect(try !identifies(#"{"authenticated":{"principal_name":{"exact":"x"}}}"#, input))
        input.tlsPeer = RBACPeer(uriSANs: ["spiffe://a"], dnsSANs: ["b.example"], subject: "CN=c")
        for name in ["spiffe://a", "b.example", "CN=c"] {
            #expect(try identifies(#"{"authenticated":{"principal_name":{"exact":""# + name + #""}}}"#, input))
        }
    }

    @Test func portOfAUnixSocketIsNone() throws {
        let unix = RBACInput(destination: .unix(path: "/run/x"), source: .unix(path: ""))
        #expect(try !permits(#"{"destination_port":0}"#, unix))
        #expect(try !permits(#"{"destination_port_range":{"start":0,"end":65536}}"#, unix))
        #expect(try !permits(#"{"destination_ip":{"address_prefix":"0.0.0.0"}}"#, unix))
    }

    @Test func actionDecidesWhatAMatchMeans() throws {
        let policy = #""policies":{"p q":{"permissions":[{"destination_port":443}],"principals":[{"any":true}]}}"#
        var other = Self.input
        other.destination = SocketAddress("10.0.0.1:80")
        let allow = try engine("{\(policy)}")
        #expect(allow.decide(Self.input) == .init(isAllowed: true, policy: "p q"))
        #expect(allow.decide(other) == .init(isAllowed: false, policy: nil))
        #expect(allow.decide(other).terminationDetails == "rbac_access_denied_matched_policy[none]")
        let deny = try engine(#"{"action":"DENY",\#(policy)}"#)
        #expect(deny.decide(Self.input).isAllowed == false)
        #expect(deny.decide(Self.input).terminationDetails == "rbac_access_denied_matched_policy[p_q]")
        #expect(deny.decide(other) == .init(isAllowed: true, policy: nil))
        let log = try engine(#"{"action":"LOG",\#(policy)}"#)
        #expect(log.decide(Self.input) == .init(isAllowed: true, policy: "p q", logHint: true))
        #expect(log.decide(other) == .init(isAllowed: true, policy: nil, logHint: false))
        #expect(try engine("{}").decide(Self.input).isAllowed == false)
        #expect(try engine(#"{"action":"DENY"}"#).decide(Self.input).isAllowed)
    }

    @Test func firstPolicyByNameIsNamed() throws {
        let any = #"{"permissions":[{"any":true}],"principals":[{"any":true}]}"#
        let none = #"{"permissions":[{"any":true}],"principals":[{"authenticated":{}}]}"#
        let engine = try engine(#"{"action":"DENY","policies":{"z":\#(any),"B":\#(any),"a":\#(any),"A":\#(none)}}"#)
        #expect(engine.decide(Self.input).policy == "B")
    }

    @Test func everyProblemIsNamed() throws {
        let json = #"""
            {"policies":{
              "a":{"permissions":[{"destination_port":70000},{"not_rule":{"destination_ip":{"address_prefix":"x"}}},{}],
                   "principals":[]},
              "b":{"permissions":[{"destination_port_range":{"start":5,"end":5}}],
                   "principals":[{"or_ids":{"ids":[{"any":true},{"any":false}]}},
                                 {"filter_state":{"key":"k","string_match":{"safe_regex":{"regex":"("}}}}]}}}
            """#
        let message = try Message(jsonString: json)
        do throws(CompileFailure) {
            _ = try RBACEngine(message)
            Issue.record("Bad rules compiled.")
        } catch {
            #expect(
                error.problems.map(\.path) == [
                    #"policies["a"].permissions[0].destination_port"#,
                    #"policies["a"].permissions[1].not_rule.destination_ip.address_prefix"#,
                    #"policies["a"].permissions[2]"#, #"policies["a"].principals"#,
                    #"policies["b"].permissions[0].destination_port_range"#,
                    #"policies["b"].principals[0].or_ids.ids[1].any"#,
                    #"policies["b"].principals[1].filter_state.string_match.safe_regex.regex"#,
                ])
        }
    }

    @Test func endlessNestingIsRefused() {
        var rule = Envoy_Config_Rbac_V3_Permission.with { $0.any = true }
        for _ in 0..<40 {
            let inner = rule
            rule = .with { $0.notRule = inner }
        }
        let message = Message.with {
            $0.policies["p"] = .with {
                $0.permissions = [rule]
                $0.principals = [.with { $0.any = true }]
            }
        }
        #expect(throws: CompileFailure.self) { try RBACEngine(message) }
    }
}
