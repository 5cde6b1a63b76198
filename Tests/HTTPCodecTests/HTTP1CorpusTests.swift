// Replays the fuzz seeds and every saved crash: any bytes, however cut, are read in one way and never trap.

import Foundation
import HTTPCodec
import Testing

@Suite struct HTTP1CorpusTests {
    @Test func everyInputIsReadInOneWay() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Corpora/http1")
        let files = try #require(
            FileManager.default.enumerator(at: root, includingPropertiesForKeys: [.isRegularFileKey]))
        var read = 0
        for case let file as URL in files where !file.hasDirectoryPath {
            let input = [UInt8](try Data(contentsOf: file))
            guard input.count > 1 else { continue }
            // The first byte is the fuzz target's choice of role and pieces.
            let bytes = Array(input.dropFirst())
            for role in [HTTP1Decoder.Role.requests, .responses] {
                let methods = [HTTP1Method](repeating: .get, count: 64)
                let whole = DecodeDriver.run([bytes], role: role, responsesTo: role == .responses ? methods : [])
                let bytewise = DecodeDriver.run(
                    bytes.map { [$0] }, role: role, responsesTo: role == .responses ? methods : [])
                #expect(whole == bytewise, "\(file.lastPathComponent)")
            }
            read += 1
        }
        #expect(read >= 14)
    }
}
