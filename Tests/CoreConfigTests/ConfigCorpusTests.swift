// Replays the fuzz seeds and every saved crash: the loader never traps, and each problem says something.

import CoreConfig
import Foundation
import Testing

@Suite struct ConfigCorpusTests {
    @Test func everyInputIsLoadedOrRefusedWithWords() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Corpora/config")
        let files = try #require(
            FileManager.default.enumerator(at: root, includingPropertiesForKeys: [.isRegularFileKey]))
        var read = 0
        for case let file as URL in files where !file.hasDirectoryPath && file.lastPathComponent != "README.md" {
            let bytes = [UInt8](try Data(contentsOf: file))
            // As the fuzz target chooses the form.
            let name = bytes.first == UInt8(ascii: "{") ? "fuzz.json" : "fuzz.yaml"
            let loaded = ConfigLoader().parse(bytes: bytes, fileName: name)
            #expect(loaded.problems.allSatisfy { !"\($0)".isEmpty }, "\(file.lastPathComponent)")
            read += 1
        }
        #expect(read >= 9)
    }
}
