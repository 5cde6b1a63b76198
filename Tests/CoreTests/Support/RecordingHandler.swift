// Notes what a connection tells its handler.

@testable import Core

final class RecordingHandler: ConnectionHandler {
    enum Event: Equatable {
        case connected
        case bytes(Int)
        case endOfStream, high, low
        case closed(ConnectionEnd)
    }

    private(set) var events: [Event] = []
    private(set) var received: [UInt8] = []
    /// Called after an event was noted; may do anything to the connection.
    var react: (Connection, Event) -> Void = { _, _ in }

    var ends: [ConnectionEnd] {
        events.compactMap { if case .closed(let end) = $0 { end } else { nil } }
    }

    var text: String { String(decoding: received, as: UTF8.self) }

    private func note(_ connection: Connection, _ event: Event) {
        events.append(event)
        react(connection, event)
    }

    override func onConnected(_ connection: Connection) { note(connection, .connected) }
    override func onBytes(_ connection: Connection, _ bytes: UnsafeRawBufferPointer) {
        received += bytes
        note(connection, .bytes(bytes.count))
    }
    override func onEndOfStream(_ connection: Connection) { note(connection, .endOfStream) }
    override func onOutputHigh(_ connection: Connection) { note(connection, .high) }
    override func onOutputLow(_ connection: Connection) { note(connection, .low) }
    override func onClosed(_ connection: Connection, _ end: ConnectionEnd) { note(connection, .closed(end)) }
}
