import ConfigAPI
import Core
import SwiftProtobuf
import Testing

/// The index against what the real Envoy answered (FilterChainRecordings.swift).
@Suite struct FilterChainRecordingTests {
    @Test(arguments: filterChainRecordings.indices) func indexAgreesWithEnvoy(scenario: Int) throws {
        let recording = filterChainRecordings[scenario]
        let index = try FilterChainIndex(
            rules: recording.chains.map {
                try FilterChainRule(Envoy_Config_Listener_V3_FilterChainMatch(jsonString: $0))
            },
            names: [], hasDefault: true)
        for line in recording.connections {
            let fields = line.split(separator: " ").map(String.init)
            try #require(fields.count == 7, "\(line)")
            let facts = ConnectionFacts(
                destination: try #require(SocketAddress(fields[0])), source: try #require(SocketAddress(fields[1])),
                directSource: try #require(SocketAddress(fields[2])), serverName: fields[4] == "-" ? "" : fields[4],
                transportProtocol: try #require(ConnectionFacts.TransportProtocol(rawValue: fields[3])),
                applicationProtocols: fields[5] == "-" ? [] : fields[5].split(separator: ",").map(String.init))
            let expected: FilterChainIndex.Choice =
                try fields[6] == "default" ? .defaultChain : .chain(#require(Int(fields[6])))
            #expect(index.choose(facts) == expected, "\(line)\n\(recording.chains)")
        }
    }
}
