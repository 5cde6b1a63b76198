// envoy.filters.network.direct_response: a fixed answer to every connection, then its end.

import ConfigAPI
import Glibc
import SwiftProtobuf

/// Answers before the client has said anything.
final class DirectResponseFilter: NetworkFilter {
    /// How long unread input is discarded after the answer, so that it is not overtaken by a reset.
    static let lingerMS: Int64 = 1000

    private let response: [UInt8]

    init(_ response: [UInt8]) {
        self.response = response
        super.init()
    }

    override func onNewConnection() -> FilterStatus {
        downstream.info.details.responseCodeDetails = "direct_response"
        if !response.isEmpty { response.withUnsafeBytes { downstream.write($0) } }
        downstream.close(.flushAndLinger(delayMS: DirectResponseFilter.lingerMS))
        return .pause
    }
}

final class DirectResponseFactory: NetworkFilterFactory {
    private let response: [UInt8]

    init(_ response: [UInt8]) {
        self.response = response
        super.init()
    }

    override var halfCloses: Bool { false }

    override func makeFilter() -> NetworkFilter { DirectResponseFilter(response) }
}

/// The answer, read once at load.
package struct DirectResponseConfig: NetworkFilterConfig {
    let response: [UInt8]

    package var isTerminal: Bool { true }

    package func makeFactory(on worker: Worker) -> NetworkFilterFactory { DirectResponseFactory(response) }

    init(_ message: Envoy_Extensions_Filters_Network_DirectResponse_V3_Config) throws(CompileFailure) {
        guard message.hasResponse else {
            response = []
            return
        }
        do { response = try DataSourceReader.read(message.response) } catch { throw error.inside("response") }
    }
}
