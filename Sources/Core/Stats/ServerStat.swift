/// `server.`: the process itself. Kept by the main thread's ``StatsFlusher``.
public enum ServerStat: Int, StatKey {
    case uptime, concurrency, memoryAllocated, memoryHeapSize, memoryPhysicalSize, live, state, parentConnections
    case totalConnections, version, daysUntilFirstCertExpiring, secondsUntilFirstOCSPResponseExpiring
    case hotRestartEpoch, hotRestartGeneration, initializationTimeMS, debugAssertionFailures, bugFailures
    case staticUnknownFields, dynamicUnknownFields, droppedStatFlushes, wipProtos, fipsMode
    case notifications, statsRecentLookups

    public static let prefix = "server."

    public var definition: StatDefinition {
        switch self {
        case .uptime: .gauge("uptime")
        case .concurrency: .gauge("concurrency", .neverImport)
        case .memoryAllocated: .gauge("memory_allocated")
        case .memoryHeapSize: .gauge("memory_heap_size")
        case .memoryPhysicalSize: .gauge("memory_physical_size")
        case .live: .gauge("live", .neverImport)
        case .state: .gauge("state", .neverImport)
        case .parentConnections: .gauge("parent_connections")
        case .totalConnections: .gauge("total_connections")
        case .version: .gauge("version", .neverImport)
        case .daysUntilFirstCertExpiring: .gauge("days_until_first_cert_expiring")
        case .secondsUntilFirstOCSPResponseExpiring: .gauge("seconds_until_first_ocsp_response_expiring")
        case .hotRestartEpoch: .gauge("hot_restart_epoch", .neverImport)
        case .hotRestartGeneration: .gauge("hot_restart_generation")
        case .initializationTimeMS: .histogram("initialization_time_ms", .milliseconds)
        case .debugAssertionFailures: .counter("debug_assertion_failures")
        case .bugFailures: .counter("envoy_bug_failures")
        case .staticUnknownFields: .counter("static_unknown_fields")
        case .dynamicUnknownFields: .counter("dynamic_unknown_fields")
        case .droppedStatFlushes: .counter("dropped_stat_flushes")
        case .wipProtos: .counter("wip_protos")
        case .fipsMode: .gauge("compilation_settings.fips_mode")
        case .notifications: .counter("envoy_notifications")
        // Envoy counts look-ups of names; here no name is looked up while connections are served.
        case .statsRecentLookups: .gauge("stats_recent_lookups", .neverImport)
        }
    }
}
