// The memory that every read of one worker goes into.

import Glibc

/// One large read buffer per worker, borrowed for the length of one callback.
///
/// A connection holds no read buffer of its own: the kernel keeps unread bytes, and what a decoder could not use yet is
/// copied out by its owner. The pages are mapped on first touch, so a worker that sees small messages only keeps small
/// memory; a megabyte because bulk costs what its system calls cost (docs/performance.md has the measurement).
@safe
public struct ByteWindow: ~Copyable {
    public static let defaultSize = 1 << 20

    public let bytes: UnsafeMutableRawBufferPointer

    public init(size: Int = ByteWindow.defaultSize) {
        let pages = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let pages = unsafe pages, unsafe pages != MAP_FAILED else {
            preconditionFailure("No memory for a worker's read window.")
        }
        unsafe bytes = UnsafeMutableRawBufferPointer(start: pages, count: size)
    }

    deinit { unsafe munmap(bytes.baseAddress, bytes.count) }
}
