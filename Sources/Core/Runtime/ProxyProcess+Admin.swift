// The process as the admin pages see it.

import ConfigAPI
package import CoreConfig
import SwiftProtobuf

extension ProxyProcess: AdminDataSource {
    private var shownState: ServerSummaryView.State {
        switch state {
        case .live: failsHealthChecks ? .draining : .live
        case .draining: .draining
        case .preInitializing: .preInitializing
        case .initializing: .initializing
        }
    }

    private var uptimeSeconds: Int { Int(Instant.read().milliseconds(since: startInstant) / 1_000) }

    package func summary() -> ServerSummaryView {
        var view = ServerSummaryView(
            program: name, version: ProgramVersion.number, state: shownState, uptimeSeconds: uptimeSeconds,
            concurrency: workerCount)
        view.nodeID = node.id
        view.nodeCluster = node.cluster
        view.connectionCount = shared.connectionCount
        return view
    }

    /// The bootstrap's node, with what the command line says of it.
    private var node: Envoy_Config_Core_V3_Node {
        var node = config.bootstrap.node
        if !options.serviceNode.isEmpty { node.id = options.serviceNode }
        if !options.serviceCluster.isEmpty { node.cluster = options.serviceCluster }
        if !options.serviceZone.isEmpty { node.locality.zone = options.serviceZone }
        return node
    }

    package func serverInfo() -> JSONValue {
        var info = Envoy_Admin_V3_ServerInfo()
        info.version = ProgramVersion.text(program: name)
        switch shownState {
        case .live: info.state = .live
        case .draining: info.state = .draining
        case .preInitializing: info.state = .preInitializing
        case .initializing: info.state = .initializing
        }
        info.uptimeCurrentEpoch = Google_Protobuf_Duration(seconds: Int64(uptimeSeconds))
        info.uptimeAllEpochs = info.uptimeCurrentEpoch
        info.hotRestartVersion = "disabled"
        info.commandLineOptions = options.message(workerCount: workerCount)
        info.node = node
        var json = MessageRenderer.json(info, writesDefaults: true)
        if case .object(var members) = json {
            // Newer than the API's published descriptors. There is no other process to take over from.
            members.append(.init("hot_restart_initializing", .bool(false)))
            json = .object(members)
        }
        return json
    }

    package func listenerViews() -> [ListenerView] {
        listeners.entries.filter { !$0.isStopped }.map { entry in
            var view = ListenerView(name: entry.name, address: entry.spec.addresses[0])
            view.additionalAddresses = Array(entry.spec.addresses.dropFirst())
            view.connectionCount = entry.spec.limits.openCount
            return view
        }
    }

    package func clusterViews() -> [ClusterStatusView] { services.clusters.views.map(ClusterStatusView.init) }

    package func runtimeJSON() -> String { services.runtime.describe().json }

    package func configDump(includesEDS: Bool) -> [JSONValue] {
        ConfigDump(
            bootstrap: config.bootstrap, listeners: listeners.entries.map(\.message),
            clusters: config.bootstrap.staticResources.clusters, loadedWallNS: startWallNS
        ).parts(endpoints: includesEDS ? services.clusters.views : nil)
    }

    package func stats(_ query: StatsQuery) -> StatsRendering {
        flusher.refresh(now: Instant.read())
        return StatsRendering(services.stats, query)
    }

    /// The clusters that the start still waits for, in Envoy's shape.
    package func initDump() -> JSONValue {
        let warming = services.clusters.views.filter(\.isWarming)
        if warming.isEmpty || state == .live { return .object([]) }
        return .object([
            .init(
                "unready_targets_dumps",
                .array([
                    .object([
                        .init("name", .string("init manager Server")),
                        .init("target_names", .array(warming.map { .string("cluster \($0.name)") })),
                    ])
                ]))
        ])
    }

    package func resetCounters() { services.stats.resetCounters() }
}

extension ClusterStatusView {
    init(_ view: ClusterView) {
        self.init(name: view.name)
        observabilityName = view.observabilityName
        addedViaAPI = view.isAddedViaAPI
        for breaker in view.breakers {
            var limits = CircuitBreakerView()
            limits.maxConnections = UInt32(clamping: breaker.maxConnections)
            limits.maxPendingRequests = UInt32(clamping: breaker.maxPendingRequests)
            limits.maxRequests = UInt32(clamping: breaker.maxRequests)
            limits.maxRetries = UInt32(clamping: breaker.maxRetries)
            if breaker.priority == .high { highPriority = limits } else { defaultPriority = limits }
        }
        hosts = view.hosts.map(HostStatusView.init)
    }
}

extension HostStatusView {
    init(_ view: HostView) {
        self.init(address: view.address)
        hostname = view.hostname
        healthFlags = view.flags
        weight = view.weight
        (region, zone, subZone) = (view.locality.region, view.locality.zone, view.locality.subZone)
        canary = view.isCanary
        priority = UInt32(view.priority)
        let figures = view.figures
        stats.cxActive = Int(figures.cxActive)
        stats.cxConnectFail = Int(figures.cxConnectFail)
        stats.cxTotal = Int(figures.cxTotal)
        stats.rqActive = Int(figures.rqActive)
        stats.rqError = Int(figures.rqError)
        stats.rqPendingActive = Int(figures.rqPendingActive)
        stats.rqSuccess = Int(figures.rqSuccess)
        stats.rqTimeout = Int(figures.rqTimeout)
        stats.rqTotal = Int(figures.rqTotal)
    }
}

extension CommandLineOptions {
    /// As `/server_info` shows them.
    func message(workerCount: Int) -> Envoy_Admin_V3_CommandLineOptions {
        var message = Envoy_Admin_V3_CommandLineOptions()
        message.baseID = UInt64(clamping: baseID)
        message.concurrency = UInt32(clamping: workerCount)
        message.configPath = configPath ?? ""
        message.configYaml = configYAML ?? ""
        message.allowUnknownStaticFields = allowUnknownStaticFields
        message.skipDeprecatedLogs = skipDeprecatedLogs
        message.adminAddressPath = adminAddressPath ?? ""
        message.logLevel = logLevel.rawValue
        message.componentLogLevel = componentLogLevel ?? ""
        message.logFormat = logFormat ?? LogPattern.defaultText
        message.logPath = logPath ?? ""
        message.serviceCluster = serviceCluster
        message.serviceNode = serviceNode
        message.serviceZone = serviceZone
        message.fileFlushInterval = Google_Protobuf_Duration(
            seconds: Int64(fileFlushIntervalMS / 1_000), nanos: Int32(fileFlushIntervalMS % 1_000 * 1_000_000))
        message.drainTime = Google_Protobuf_Duration(seconds: Int64(drainTimeS))
        message.drainStrategy = drainStrategy == .gradual ? .gradual : .immediate
        message.parentShutdownTime = Google_Protobuf_Duration(seconds: Int64(parentShutdownTimeS))
        switch mode {
        case .serve: message.mode = .serve
        case .validate: message.mode = .validate
        case .initOnly: message.mode = .initOnly
        }
        message.disableHotRestart = disableHotRestart
        message.statsTag = statsTags
        return message
    }
}
