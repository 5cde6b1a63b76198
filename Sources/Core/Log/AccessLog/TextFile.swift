import Glibc

/// Reads a small text file that configuration names.
enum TextFile {
    private static let maxBytes = 1 << 20

    /// Nil with `errno` set when it cannot be read or is larger than 1 MiB.
    static func read(_ path: String) -> String? {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = Glibc.read(fd, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
            guard bytes.count <= maxBytes else {
                errno = EFBIG
                return nil
            }
        }
    }
}
