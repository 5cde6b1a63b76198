// What all connections of one worker share.

public import CoreBytes

/// The worker's loop, its read window, its chunk pool and the stateless transport.
public final class NetContext {
    public let loop: EventLoop
    public let pool = ChunkPool()
    let pipes = PipePool()
    public let rawTransport = TransportSocket()
    let window: ByteWindow

    public init(loop: EventLoop, windowBytes: Int = ByteWindow.defaultSize) {
        self.loop = loop
        window = ByteWindow(size: windowBytes)
    }
}
