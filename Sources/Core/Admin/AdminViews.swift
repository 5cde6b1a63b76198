// What the admin pages show, as plain values: whoever owns the state fills these in, the pages render them.

/// The server at a glance.
package struct ServerSummaryView {
    package enum State: String {
        case live = "LIVE"
        case draining = "DRAINING"
        case preInitializing = "PRE_INITIALIZING"
        case initializing = "INITIALIZING"
    }

    package var program: String
    package var version: String
    package var state: State
    package var uptimeSeconds: Int
    package var concurrency: Int
    package var nodeID = ""
    package var nodeCluster = ""
    /// Open downstream connections of all listeners.
    package var connectionCount = 0

    package init(program: String, version: String, state: State, uptimeSeconds: Int, concurrency: Int) {
        self.program = program
        self.version = version
        self.state = state
        self.uptimeSeconds = uptimeSeconds
        self.concurrency = concurrency
    }
}

package struct ListenerView {
    package var name: String
    package var address: SocketAddress
    package var additionalAddresses: [SocketAddress] = []
    /// Open connections, for the home page.
    package var connectionCount = 0

    package init(name: String, address: SocketAddress) {
        self.name = name
        self.address = address
    }
}

/// The limits of one circuit breaker priority.
package struct CircuitBreakerView {
    package var maxConnections: UInt32 = 1024
    package var maxPendingRequests: UInt32 = 1024
    package var maxRequests: UInt32 = 1024
    package var maxRetries: UInt32 = 3

    package init() {}
}

package struct HostStatusView {
    /// A host's counters and gauges, by Envoy's names.
    package struct Stats {
        package var cxActive = 0
        package var cxConnectFail = 0
        package var cxTotal = 0
        package var rqActive = 0
        package var rqError = 0
        package var rqPendingActive = 0
        package var rqSuccess = 0
        package var rqTimeout = 0
        package var rqTotal = 0

        package init() {}
    }

    package var address: SocketAddress
    package var hostname = ""
    package var healthFlags: HealthFlags = []
    package var stats = Stats()
    package var weight: UInt32 = 1
    package var region = ""
    package var zone = ""
    package var subZone = ""
    package var canary = false
    package var priority: UInt32 = 0
    /// Percent; -1 while there is not enough to tell.
    package var successRate = -1.0
    package var localOriginSuccessRate = -1.0

    package init(address: SocketAddress) { self.address = address }
}

package struct ClusterStatusView {
    /// Present when outlier detection is on; -1 while there is not enough to tell.
    package struct Outlier {
        package var successRateAverage = -1.0
        package var successRateEjectionThreshold = -1.0
        package var localOriginSuccessRateAverage = -1.0
        package var localOriginSuccessRateEjectionThreshold = -1.0

        package init() {}
    }

    package var name: String
    package var observabilityName: String
    package var addedViaAPI = false
    package var edsServiceName = ""
    package var outlier: Outlier?
    package var defaultPriority = CircuitBreakerView()
    package var highPriority = CircuitBreakerView()
    package var hosts: [HostStatusView] = []

    package init(name: String) {
        self.name = name
        observabilityName = name
    }
}

/// Bytes, as `/memory` reports them.
package struct MemoryView {
    package var allocated: UInt64 = 0
    package var heapSize: UInt64 = 0
    package var pageheapUnmapped: UInt64 = 0
    package var pageheapFree: UInt64 = 0
    package var totalThreadCache: UInt64 = 0
    package var totalPhysicalBytes: UInt64 = 0

    package init() {}
}

package struct DrainRequest: Equatable {
    package var isGraceful = false
    package var inboundOnly = false
    package var skipExit = false

    package init() {}
}
