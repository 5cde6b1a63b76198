// envoy.filters.network.echo: what comes in goes out.

/// Sends every byte back. Stops reading while the client does not take its bytes, so that memory stays bounded.
final class EchoFilter: NetworkFilter {
    override func onBytes(_ bytes: UnsafeRawBufferPointer) -> FilterStatus {
        downstream.write(bytes)
        return .pause
    }

    override func onEndOfStream() -> FilterStatus {
        downstream.closeWrite()
        return .pause
    }

    override func onDownstreamHigh() { downstream.connection.pauseReading(.peerFull) }

    override func onDownstreamLow() { downstream.connection.resumeReading(.peerFull) }

    override func onDrain() { downstream.close(.flush) }
}

/// Echo has neither settings nor counters.
final class EchoFactory: NetworkFilterFactory {
    override var halfCloses: Bool { false }

    override func makeFilter() -> NetworkFilter { EchoFilter() }
}

package struct EchoConfig: NetworkFilterConfig {
    package var isTerminal: Bool { true }

    package func makeFactory(on worker: Worker) -> NetworkFilterFactory { EchoFactory() }
}
