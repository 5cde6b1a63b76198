// envoy.config.core.v3.DataSource: bytes written in the configuration, in a file or in the environment.

import ConfigAPI
import Glibc
import SwiftProtobuf

/// Reads a data source at load.
enum DataSourceReader {
    /// Larger files are refused: what is read here stays in memory for good.
    static let maxBytes = 16 << 20

    static func read(_ message: Envoy_Config_Core_V3_DataSource) throws(CompileFailure) -> [UInt8] {
        switch message.specifier {
        case .inlineString(let text): return Array(text.utf8)
        case .inlineBytes(let data): return Array(data)
        case .environmentVariable(let name):
            guard let value = getenv(name) else {
                throw CompileFailure("the environment has no \"\(name)\"", at: "environment_variable")
            }
            return Array(UnsafeBufferPointer(start: value, count: strlen(value))).map { UInt8(bitPattern: $0) }
        case .filename(let path): return try readFile(path)
        case nil:
            throw CompileFailure("one of filename, inline_bytes, inline_string or environment_variable is needed")
        }
    }

    private static func readFile(_ path: String) throws(CompileFailure) -> [UInt8] {
        func fail(_ text: String) -> CompileFailure { CompileFailure("\"\(path)\": \(text)", at: "filename") }
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { throw fail(String(cString: strerror(errno))) }
        defer { close(fd) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(fd, &chunk, chunk.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw fail(String(cString: strerror(errno)))
            }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
            if bytes.count > maxBytes { throw fail("more than \(maxBytes) bytes") }
        }
    }
}
