// Hosts are where connections were going.

/// Takes the hosts that workers admitted into snapshots, and drops unused ones at each interval.
final class OriginalDestinationDiscovery: ClusterDiscovery {
    private let loop: EventLoop
    private let cleanupIntervalMS: Int64
    private var timer = TimerHandle.none

    init(loop: EventLoop, cleanupIntervalMS: Int64) {
        self.loop = loop
        self.cleanupIntervalMS = cleanupIntervalMS
    }

    override func start() {
        timer = loop.schedule(afterMS: cleanupIntervalMS, target: self)
        cluster.finishFirstDiscovery()
    }

    override func stop() { loop.cancel(&timer) }

    override func onTimer(_ tag: Int) {
        timer = loop.schedule(afterMS: cleanupIntervalMS, target: self)
        if cluster.shared.dropUnusedAdmitted() { cluster.setAdmitted(cluster.shared.takeAdmitted()) }
    }
}
