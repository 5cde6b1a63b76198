// Bytes in order of arrival, waiting for a socket or a decoder.

public import Glibc

/// A FIFO of bytes in pooled chunks: three words when empty, no memory held while nothing waits.
///
/// Appending fills the tail chunk first, so many small messages share one; taking goes by scatter vectors, so nothing is
/// moved to become contiguous. The pool is an argument and not a field: an idle connection keeps no reference for it.
@safe
public struct ByteQueue: ~Copyable {
    private var head: UnsafeMutablePointer<ChunkHeader>?
    private var tail: UnsafeMutablePointer<ChunkHeader>?
    public private(set) var count = 0

    public init() {
        unsafe head = nil
        unsafe tail = nil
    }

    deinit {
        var chunk = unsafe head
        while let this = unsafe chunk {
            unsafe chunk = this.pointee.next
            unsafe free(this)
        }
    }

    public var isEmpty: Bool { count == 0 }

    public mutating func append(_ bytes: UnsafeRawBufferPointer, pool: ChunkPool) {
        guard var source = bytes.baseAddress else { return }
        var left = bytes.count
        count += left
        while left > 0 {
            var target = unsafe tail
            if unsafe target == nil || target!.pointee.end == UInt32(ChunkPool.payloadSize) {
                let fresh = unsafe pool.take()
                if let last = unsafe tail {
                    unsafe last.pointee.next = unsafe fresh
                } else {
                    unsafe head = unsafe fresh
                }
                unsafe tail = unsafe fresh
                unsafe target = unsafe fresh
            }
            let chunk = unsafe target!
            let end = unsafe Int(chunk.pointee.end)
            let piece = min(left, ChunkPool.payloadSize - end)
            unsafe memcpy(ByteQueue.payload(chunk) + end, source, piece)
            unsafe chunk.pointee.end = UInt32(end + piece)
            unsafe source += piece
            left -= piece
        }
    }

    /// Fills `vectors` with the oldest bytes, in order; returns how many were filled.
    public borrowing func fill(_ vectors: UnsafeMutableBufferPointer<iovec>) -> Int {
        var chunk = unsafe head
        var filled = 0
        while let this = unsafe chunk, filled < vectors.count {
            let begin = unsafe Int(this.pointee.begin)
            let length = unsafe Int(this.pointee.end) - begin
            unsafe vectors[filled] = iovec(iov_base: ByteQueue.payload(this) + begin, iov_len: length)
            filled += 1
            unsafe chunk = this.pointee.next
        }
        return filled
    }

    /// The oldest contiguous run; empty when nothing waits. Valid until the next mutation.
    public var first: UnsafeRawBufferPointer {
        guard let chunk = unsafe head else { return unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
        let begin = unsafe Int(chunk.pointee.begin)
        return unsafe UnsafeRawBufferPointer(
            start: ByteQueue.payload(chunk) + begin, count: Int(chunk.pointee.end) - begin)
    }

    /// Drops the oldest `byteCount` bytes.
    public mutating func consume(_ byteCount: Int, pool: ChunkPool) {
        precondition(byteCount <= count, "More bytes were taken than wait.")
        count -= byteCount
        var left = byteCount
        while left > 0 || count == 0, let chunk = unsafe head {
            let length = unsafe Int(chunk.pointee.end - chunk.pointee.begin)
            if left < length {
                unsafe chunk.pointee.begin += UInt32(left)
                return
            }
            left -= length
            unsafe head = chunk.pointee.next
            if unsafe head == nil { unsafe tail = nil }
            unsafe pool.give(chunk)
        }
    }

    public mutating func removeAll(pool: ChunkPool) { consume(count, pool: pool) }

    private static func payload(_ chunk: UnsafeMutablePointer<ChunkHeader>) -> UnsafeMutableRawPointer {
        unsafe UnsafeMutableRawPointer(chunk) + MemoryLayout<ChunkHeader>.stride
    }
}
