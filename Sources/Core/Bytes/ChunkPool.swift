// Fixed-size pieces of memory for bytes that wait, kept by a worker for reuse.

import Glibc

/// Recycles the chunks of all ``ByteQueue``s of one worker, so that steady traffic through full sockets allocates
/// nothing. Keeps at most `keptLimit` free chunks; the rest go back to the allocator.
///
///     chunk │ next (8) │ begin (4) │ end (4) │ payload … │   16 KiB in all
@safe
public final class ChunkPool {
    public static let chunkSize = 16 * 1024
    public static let payloadSize = unsafe chunkSize - MemoryLayout<ChunkHeader>.stride

    private var free: UnsafeMutablePointer<ChunkHeader>?
    /// Chunks kept for reuse.
    var freeCount = 0
    private let keptLimit: Int

    public init(keptLimit: Int = 128) { self.keptLimit = keptLimit }

    deinit {
        while let chunk = unsafe free {
            unsafe free = chunk.pointee.next
            unsafe Glibc.free(chunk)
        }
    }

    func take() -> UnsafeMutablePointer<ChunkHeader> {
        let chunk: UnsafeMutablePointer<ChunkHeader>
        if let reused = unsafe free {
            unsafe free = reused.pointee.next
            freeCount -= 1
            unsafe chunk = reused
        } else {
            guard let fresh = unsafe malloc(ChunkPool.chunkSize) else { preconditionFailure("Out of memory.") }
            unsafe chunk = fresh.bindMemory(to: ChunkHeader.self, capacity: 1)
        }
        unsafe chunk.initialize(to: ChunkHeader(next: nil, begin: 0, end: 0))
        return unsafe chunk
    }

    func give(_ chunk: UnsafeMutablePointer<ChunkHeader>) {
        if freeCount >= keptLimit {
            unsafe Glibc.free(chunk)
            return
        }
        unsafe chunk.pointee.next = unsafe free
        unsafe free = unsafe chunk
        freeCount += 1
    }
}

/// What stands at the start of each chunk. `begin` and `end` delimit the waiting bytes, counted from the payload.
@unsafe
struct ChunkHeader {
    var next: UnsafeMutablePointer<ChunkHeader>?
    var begin: UInt32
    var end: UInt32
}
