import ConfigAPI
import CoreBytes
import Glibc
import Testing

@testable import Core

/// What clusters cost when there are many of them. Measured as resident memory, so the figures
/// mean most when the suite runs alone.
@Suite(.serialized) struct ManyClustersTests {
    private static let count = 5000

    private func residentBytes() -> Int {
        let fd = open("/proc/self/statm", O_RDONLY)
        defer { close(fd) }
        var text = [UInt8](repeating: 0, count: 128)
        let count = read(fd, &text, text.count)
        let words = text.prefix(max(0, count)).split(separator: UInt8(ascii: " "))
        return words.count > 1 ? (Int(String(decoding: words[1], as: UTF8.self)) ?? 0) * Int(getpagesize()) : 0
    }

    /// 5,000 static clusters of one host, with a worker that uses none of them: at most 8 KiB each, messages included.
    /// Figures go to standard error with SLUICE_FIGURES set.
    @Test func idleClustersAreSmall() throws {
        let bench = ManagerBench()
        // What exists once is paid before.
        try bench.load(clusterJSON("warm", "STATIC", ["10.0.0.1:80"]))
        let texts = (0..<Self.count).map {
            clusterJSON("service-\($0)", "STATIC", ["10.\($0 >> 8).\($0 & 255).1:80"], #""connect_timeout":"1s""#)
        }
        let empty = residentBytes()
        let messages = try texts.map { try Envoy_Config_Cluster_V3_Cluster(jsonString: $0) }
        let loaded = residentBytes()
        let began = Instant.read()
        #expect(bench.manager.load(messages).isEmpty)
        bench.start()
        bench.loop.turn(mayWait: false)
        let tookNS = Instant.read().nanoseconds(since: began)
        let used = residentBytes()
        #expect(bench.isReady)
        let messageBytes = (loaded - empty) / Self.count
        let clusterBytes = (used - loaded) / Self.count
        // Other suites may allocate beside us, by far less than the slack.
        #expect(messageBytes + clusterBytes < 8 << 10)

        // One worker uses all of them once.
        for index in 0..<Self.count {
            _ = bench.worker.cluster(named: "service-\(index)")?.choose(LoadBalancerContext())
        }
        let worked = residentBytes()
        let chooser = try #require(bench.worker.cluster(named: "service-7"))
        let choiceBegan = Instant.read()
        var chosen = 0
        for _ in 0..<1_000_000 where chooser.choose(LoadBalancerContext()) != nil { chosen += 1 }
        let choiceNS = Instant.read().nanoseconds(since: choiceBegan)
        #expect(chosen == 1_000_000)
        if getenv("SLUICE_FIGURES") != nil {
            let text =
                "clusters: \(tookNS / 1_000_000) ms to load and start \(Self.count), \(messageBytes) bytes a message, "
                + "\(clusterBytes) bytes a cluster, \((worked - used) / Self.count) more once a worker used it; "
                + "choose \(Double(choiceNS) / 1e6) ns\n"
            _ = write(2, text, text.utf8.count)
        }
    }
}
