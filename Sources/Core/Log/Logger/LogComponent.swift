/// The parts of the program that log under a name and a level of their own; Envoy's names where it has the part.
public enum LogComponent: UInt8, Sendable, CaseIterable {
    case admin, assert, client, config, connection, connHandler, control, dns, file, filter, forwardProxy, grpc
    case healthChecker, http, http2, initialization, io, listener, main, matcher, misc, mongo, originalDst, pool
    case rbac, redis, router, runtime, secret, stats, tcp, tls, tracing, upstream, watchdog

    public var name: String {
        switch self {
        case .admin: "admin"
        case .assert: "assert"
        case .client: "client"
        case .config: "config"
        case .connection: "connection"
        case .connHandler: "conn_handler"
        case .control: "control"
        case .dns: "dns"
        case .file: "file"
        case .filter: "filter"
        case .forwardProxy: "forward_proxy"
        case .grpc: "grpc"
        case .healthChecker: "hc"
        case .http: "http"
        case .http2: "http2"
        case .initialization: "init"
        case .io: "io"
        case .listener: "listener"
        case .main: "main"
        case .matcher: "matcher"
        case .misc: "misc"
        case .mongo: "mongo"
        case .originalDst: "original_dst"
        case .pool: "pool"
        case .rbac: "rbac"
        case .redis: "redis"
        case .router: "router"
        case .runtime: "runtime"
        case .secret: "secret"
        case .stats: "stats"
        case .tcp: "tcp"
        case .tls: "tls"
        case .tracing: "tracing"
        case .upstream: "upstream"
        case .watchdog: "watchdog"
        }
    }

    /// Also takes `health_checker`, the longer name in use; nil for a name that is none.
    public init?(name: String) {
        if name == "health_checker" {
            self = .healthChecker
            return
        }
        guard let found = LogComponent.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }
}
