import ConfigAPI
import CoreBytes
import Glibc
import Testing

@testable import Core

/// What clusters cost when there are many of them.
///
/// Measured as bytes that the allocator has handed out, in a process of its own: other suites do not show, and the
/// figure is the same each time. (Under a sanitizer the allocator is another one, and the figure is zero.)
@Suite struct ManyClustersTests {
    private static let count = 5000

    private static func allocatedBytes() -> Int { Int(MemoryUse.read().allocatedBytes) }

    /// 5,000 static clusters of one host, with a worker that uses none of them: at most 8 KiB each, messages included.
    /// Figures go to standard error with SLUICE_FIGURES set.
    @Test func idleClustersAreSmall() async {
        await #expect(processExitsWith: .success) {
            let bench = ManagerBench()
            // What exists once is paid before.
            try bench.load(clusterJSON("warm", "STATIC", ["10.0.0.1:80"]))
            let texts = (0..<Self.count).map {
                clusterJSON("service-\($0)", "STATIC", ["10.\($0 >> 8).\($0 & 255).1:80"], #""connect_timeout":"1s""#)
            }
            let empty = Self.allocatedBytes()
            let messages = try texts.map { try Envoy_Config_Cluster_V3_Cluster(jsonString: $0) }
            let loaded = Self.allocatedBytes()
            let began = Instant.read()
            #expect(bench.manager.load(messages).isEmpty)
            bench.start()
            bench.loop.turn(mayWait: false)
            let tookMS = Instant.read().milliseconds(since: began)
            let used = Self.allocatedBytes()
            #expect(bench.isReady)
            let messageBytes = (loaded - empty) / Self.count
            let clusterBytes = (used - loaded) / Self.count
            #expect(messageBytes + clusterBytes < 8 << 10)

            // One worker uses all of them once.
            for index in 0..<Self.count {
                #expect(bench.worker.cluster(named: "service-\(index)")?.choose(LoadBalancerContext()) != nil)
            }
            let worked = (Self.allocatedBytes() - used) / Self.count
            if getenv("SLUICE_FIGURES") != nil {
                let text =
                    "clusters: \(tookMS) ms to load and start \(Self.count), \(messageBytes) bytes a message, "
                    + "\(clusterBytes) bytes a cluster, \(worked) more once a worker used it\n"
                _ = write(2, text, text.utf8.count)
            }
        }
    }
}
