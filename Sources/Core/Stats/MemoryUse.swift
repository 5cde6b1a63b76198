import CLinux
import Glibc

/// The process's memory, as the allocator and the kernel see it.
public struct MemoryUse: Sendable, Equatable {
    /// In use by the program.
    public let allocatedBytes: UInt64
    /// Held by the allocator.
    public let heapBytes: UInt64
    /// Resident.
    public let physicalBytes: UInt64

    public static func read() -> MemoryUse {
        var allocated: UInt64 = 0
        var held: UInt64 = 0
        linux_memory_use(&allocated, &held)
        return MemoryUse(allocatedBytes: allocated, heapBytes: held, physicalBytes: residentBytes())
    }

    /// The second number of `/proc/self/statm` is in pages.
    private static func residentBytes() -> UInt64 {
        let fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return 0 }
        defer { close(fd) }
        return withUnsafeTemporaryAllocation(byteCount: 128, alignment: 1) { buffer in
            let count = Glibc.read(fd, buffer.baseAddress, buffer.count)
            guard count > 0 else { return 0 }
            let fields = buffer[..<count].split(separator: UInt8(ascii: " "))
            guard fields.count > 1, let pages = UInt64(String(decoding: fields[1], as: UTF8.self)) else { return 0 }
            return pages * UInt64(sysconf(Int32(_SC_PAGESIZE)))
        }
    }
}
