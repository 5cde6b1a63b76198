// What waits where a filter has stopped the chain.

import CoreBytes

/// The bytes, and perhaps the end of stream, that a stopping filter keeps from the filters behind it.
final class FilterStop {
    let index: Int
    /// The filter said `.pause`: nothing is shown to it until it resumes. Otherwise it holds and sees more.
    var isPaused = false
    private(set) var endOfStream = false
    private var bytes = ByteQueue()

    init(index: Int) { self.index = index }

    var count: Int { bytes.count }
    var first: UnsafeRawBufferPointer? { bytes.isEmpty ? nil : bytes.first }

    func keep(_ more: UnsafeRawBufferPointer?, _ end: Bool, pool: ChunkPool) {
        if let more { bytes.append(more, pool: pool) }
        if end { endOfStream = true }
    }

    func dropFirst(pool: ChunkPool) { bytes.consume(bytes.first.count, pool: pool) }
}
