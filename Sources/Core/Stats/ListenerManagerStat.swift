/// `listener_manager.`: what became of listener configurations.
public enum ListenerManagerStat: Int, StatKey {
    case listenerAdded, listenerModified, listenerRemoved, listenerStopped, listenerCreateSuccess
    case listenerCreateFailure, listenerInPlaceUpdated
    case totalFilterChainsDraining, totalListenersWarming, totalListenersActive, totalListenersDraining
    case workersStarted, workersPinned

    public static let prefix = "listener_manager."

    public var definition: StatDefinition {
        switch self {
        case .listenerAdded: .counter("listener_added")
        case .listenerModified: .counter("listener_modified")
        case .listenerRemoved: .counter("listener_removed")
        case .listenerStopped: .counter("listener_stopped")
        case .listenerCreateSuccess: .counter("listener_create_success")
        case .listenerCreateFailure: .counter("listener_create_failure")
        case .listenerInPlaceUpdated: .counter("listener_in_place_updated")
        case .totalFilterChainsDraining: .gauge("total_filter_chains_draining", .neverImport)
        case .totalListenersWarming: .gauge("total_listeners_warming", .neverImport)
        case .totalListenersActive: .gauge("total_listeners_active", .neverImport)
        case .totalListenersDraining: .gauge("total_listeners_draining", .neverImport)
        case .workersStarted: .gauge("workers_started", .neverImport)
        case .workersPinned: .gauge("workers_pinned", .neverImport)
        }
    }
}
