// /etc/hosts as a table, read again when the file has changed.

import Glibc

/// Names of a hosts file. Checked with one `stat` per lookup and parsed only when size, time or inode differ.
///
/// - Limits: files over ``maxBytes`` are ignored, as are lines that do not start with an address.
/// - Source: hosts(5).
struct HostsFile {
    static let maxBytes = 4 << 20

    private let path: String
    private var stamp = FileStamp.missing
    private var table: [String: [SocketAddress]] = [:]

    init(path: String) { self.path = path }

    /// The addresses of `name` (lower case, no final dot), in the file's order; empty when it is not there.
    mutating func addresses(of name: String) -> [SocketAddress] {
        refresh()
        return table[name] ?? []
    }

    private mutating func refresh() {
        let seen = FileStamp(path)
        if seen == stamp { return }
        stamp = seen
        table = HostsFile.parse(HostsFile.read(path))
    }

    static func parse(_ text: [UInt8]) -> [String: [SocketAddress]] {
        var table: [String: [SocketAddress]] = [:]
        for line in text.split(separator: UInt8(ascii: "\n")) {
            let bare = line.prefix { $0 != UInt8(ascii: "#") }
            let words = bare.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r") }
            guard let first = words.first,
                let address = SocketAddress(literal: String(decoding: first, as: UTF8.self), port: 0)
            else { continue }
            for word in words.dropFirst() {
                let name = Resolver.normalised(String(decoding: word, as: UTF8.self))
                if table[name]?.contains(address) != true { table[name, default: []].append(address) }
            }
        }
        return table
    }

    private static func read(_ path: String) -> [UInt8] {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        if fd < 0 { return [] }
        defer { close(fd) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count <= maxBytes {
            let count = Glibc.read(fd, &chunk, chunk.count)
            if count <= 0 { break }
            bytes += chunk[..<count]
        }
        return bytes
    }
}
