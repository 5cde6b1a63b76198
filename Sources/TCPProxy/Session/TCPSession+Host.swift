// What a session hears of the host that it relays to.

import Core

extension TCPSession: HostWatcher {
    /// Only where the cluster asks for it: a watcher costs a table entry per connection.
    func watchHost() {
        guard let host, host.cluster.config.closesConnectionsOnHostHealthFailure else { return }
        hostWatch = host.addWatcher(self)
    }

    func unwatchHost() {
        guard let watch = hostWatch else { return }
        hostWatch = nil
        host?.removeWatcher(watch)
    }

    /// Relays to a host that discovery took away go on, as in Envoy: their end is the client's or the host's to decide.
    func onHostRemoved(_ host: WorkerHost) {}

    /// `close_connections_on_host_health_failure`: the upstream connection ends now, the client after its last byte.
    func onHostHealthFailure(_ host: WorkerHost) { upstream?.close(.now) }
}
