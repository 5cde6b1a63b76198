import CLinux
import Glibc
import Testing

@testable import CoreBytes

@Suite struct ByteQueueTests {
    /// Bytes that tell their place in the stream, so that a swap or a loss shows.
    private static func stream(from begin: Int, count: Int) -> [UInt8] {
        (begin..<(begin + count)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    }

    private static func append(_ bytes: [UInt8], to queue: inout ByteQueue, _ pool: ChunkPool) {
        bytes.withUnsafeBytes { queue.append($0, pool: pool) }
    }

    /// Everything that waits, by scatter vectors; how many vectors that took is the number of chunks.
    private static func contents(_ queue: borrowing ByteQueue) -> (bytes: [UInt8], chunks: Int) {
        withUnsafeTemporaryAllocation(of: iovec.self, capacity: 1024) { vectors in
            let filled = queue.fill(vectors)
            var bytes: [UInt8] = []
            for index in 0..<filled {
                let vector = vectors[index]
                bytes += UnsafeRawBufferPointer(start: vector.iov_base, count: vector.iov_len)
            }
            return (bytes, filled)
        }
    }

    private static func first(_ queue: borrowing ByteQueue) -> [UInt8] { Array(queue.first) }

    @Test func anEmptyQueueHoldsNothing() {
        let pool = ChunkPool()
        var queue = ByteQueue()
        #expect(queue.isEmpty && queue.first.isEmpty)
        #expect(Self.contents(queue).chunks == 0)
        Self.append([], to: &queue, pool)
        queue.consume(0, pool: pool)
        queue.removeAll(pool: pool)
        #expect(queue.isEmpty && pool.freeCount == 0)
    }

    @Test(arguments: [1, ChunkPool.payloadSize - 1, ChunkPool.payloadSize, ChunkPool.payloadSize + 1, 100_000])
    func oneAppendTakesAsManyChunksAsItNeeds(count: Int) {
        let pool = ChunkPool()
        var queue = ByteQueue()
        let bytes = Self.stream(from: 7, count: count)
        Self.append(bytes, to: &queue, pool)
        #expect(queue.count == count)
        let (read, chunks) = Self.contents(queue)
        #expect(read == bytes)
        #expect(chunks == (count + ChunkPool.payloadSize - 1) / ChunkPool.payloadSize)
        queue.removeAll(pool: pool)
        #expect(queue.isEmpty && pool.freeCount == chunks)
    }

    @Test func smallMessagesShareOneChunk() {
        let pool = ChunkPool()
        var queue = ByteQueue()
        for index in 0..<100 { Self.append(Self.stream(from: index * 20, count: 20), to: &queue, pool) }
        let (bytes, chunks) = Self.contents(queue)
        #expect(bytes == Self.stream(from: 0, count: 2000) && chunks == 1)
    }

    @Test func fillStopsWhereTheVectorsEnd() {
        let pool = ChunkPool()
        var queue = ByteQueue()
        Self.append(Self.stream(from: 0, count: 5 * ChunkPool.payloadSize), to: &queue, pool)
        let filled = withUnsafeTemporaryAllocation(of: iovec.self, capacity: 3) { queue.fill($0) }
        #expect(filled == 3)
    }

    @Test func consumingExactlyOneChunkGivesItBackAndKeepsTheNext() {
        let pool = ChunkPool()
        var queue = ByteQueue()
        let size = ChunkPool.payloadSize
        Self.append(Self.stream(from: 0, count: size + 3), to: &queue, pool)
        queue.consume(size, pool: pool)
        #expect(pool.freeCount == 1 && queue.count == 3)
        #expect(Self.first(queue) == Self.stream(from: size, count: 3))
        queue.consume(3, pool: pool)
        #expect(pool.freeCount == 2 && queue.isEmpty)
        Self.append([9], to: &queue, pool)
        #expect(Self.first(queue) == [9], "a drained queue starts afresh")
        #expect(pool.freeCount == 1)
    }

    /// Random appends and takes against an array. Chunks are conserved: what the pool keeps and what waits is all that
    /// was ever made, and a new one is made only when the pool has none.
    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func behavesAsAnArray(seed: UInt64) {
        var random = FastRandom(seed: seed)
        let pool = ChunkPool(keptLimit: .max)
        var queue = ByteQueue()
        var model: [UInt8] = []
        var produced = 0
        var made = 0
        for _ in 0..<2000 {
            let before = pool.freeCount
            if random.next() % 2 == 0 {
                let sizes = [1, 7, 100, 4096, ChunkPool.payloadSize, 40_000]
                let count = Int(random.next() % UInt64(sizes[Int(random.next() % 6)])) + 1
                let bytes = Self.stream(from: produced, count: count)
                produced += count
                model += bytes
                Self.append(bytes, to: &queue, pool)
            } else {
                let most = random.next() % 4 == 0 ? model.count : min(model.count, 20_000)
                let count = Int(random.next() % UInt64(most + 1))
                model.removeFirst(count)
                queue.consume(count, pool: pool)
            }
            let (bytes, chunks) = Self.contents(queue)
            let matches = bytes == model && queue.count == model.count && queue.isEmpty == model.isEmpty
            let first = Self.first(queue)
            let firstFits = model.isEmpty ? first.isEmpty : !first.isEmpty && model.starts(with: first)
            #expect(matches && firstFits)
            let total = pool.freeCount + chunks
            #expect(total == made || (total > made && (pool.freeCount == 0 || before == 0)))
            made = total
            if !matches { return }
        }
        queue.removeAll(pool: pool)
        #expect(pool.freeCount == made, "no chunk was lost or counted twice")
    }

    @Test func thePoolKeepsNoMoreThanItsLimit() {
        let pool = ChunkPool(keptLimit: 2)
        var queue = ByteQueue()
        Self.append(Self.stream(from: 0, count: 5 * ChunkPool.payloadSize), to: &queue, pool)
        queue.removeAll(pool: pool)
        #expect(pool.freeCount == 2)
        Self.append([1], to: &queue, pool)
        #expect(pool.freeCount == 1, "the next bytes go into a kept chunk")
    }

    /// In a process of its own, because the allocator's figures are those of a process.
    @Test func aDroppedQueueFreesItsChunksWithoutThePool() async {
        await #expect(processExitsWith: .success) {
            let pool = ChunkPool()
            let bytes = [UInt8](repeating: 1, count: 8 * ChunkPool.payloadSize)
            var (before, after, held): (UInt64, UInt64, UInt64) = (0, 0, 0)
            linux_memory_use(&before, &held)
            for _ in 0..<400 {
                var queue = ByteQueue()
                bytes.withUnsafeBytes { queue.append($0, pool: pool) }
            }
            linux_memory_use(&after, &held)
            // 50 MiB went through.
            exit(after < before + 1 << 20 && pool.freeCount == 0 ? 0 : 1)
        }
    }
}

@Suite struct ByteWindowTests {
    @Test func theWindowIsWritableToItsLastByte() {
        let window = ByteWindow(size: 1 << 16)
        #expect(window.bytes.count == 1 << 16)
        window.bytes[0] = 1
        window.bytes[(1 << 16) - 1] = 2
        #expect(window.bytes[0] == 1 && window.bytes[(1 << 16) - 1] == 2)
    }

    @Test func untouchedPagesCostNothing() {
        let window = ByteWindow(size: 64 << 20)
        window.bytes[0] = 1
        let pages = (64 << 20) / Int(getpagesize())
        var resident = [UInt8](repeating: 0, count: pages)
        let status = mincore(window.bytes.baseAddress, window.bytes.count, &resident)
        #expect(status == 0)
        #expect(resident.count { $0 & 1 == 1 } <= 512, "a huge page at most")
    }
}
