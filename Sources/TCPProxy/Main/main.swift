// tcp-proxy: registers its extensions and starts the process.

import Core
import CoreConfig
import TCPProxy

var registry = ExtensionRegistry(catalog: .core)
TCPProxyConfig.register(in: &registry)
ProxyProgram(name: "tcp-proxy", registry: registry, quickFilter: QuickMode.tcpProxy).main()
