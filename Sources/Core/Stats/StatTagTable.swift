/// The tags that Envoy extracts by default, in its order of precedence.
enum StatTagTable {
    static let rules: [StatTagRules.Rule] = {
        var rules: [StatTagRules.Rule] = []
        func tokens(_ name: String, _ pattern: String) {
            let parts = pattern.split(separator: ".").map(String.init)
            rules.append(
                StatTagRules.Rule(
                    name: "envoy." + name, shape: .tokens(parts),
                    firstToken: ["*", "$"].contains(parts[0]) ? nil : parts[0],
                    needle: nil))
        }
        func regex(_ name: String, _ pattern: String, first: String? = nil, needle: String? = nil) {
            do throws(RegexError) {
                rules.append(
                    StatTagRules.Rule(
                        name: "envoy." + name, shape: .regex(try RE2Regex(pattern)), firstToken: first,
                        needle: needle.map { Array($0.utf8) }))
            } catch {
                preconditionFailure("A default tag's pattern is valid: \(error)")
            }
        }
        // What RE2 calls a token of a name, and the address in a listener's name (colons are underscores by then).
        let token = "[^\\.]+"
        let address = "(?:[_.[:digit:]]*|[_\\[\\]aAbBcCdDeEfF[:digit:]]*)"

        regex("response_code", "_rq(_(\\d{3}))$", needle: "_rq_")
        regex("response_code_class", "_rq_((\\d))xx$", needle: "_rq_")
        regex(
            "dynamo_partition_id",
            "^http(?:\\.\(token))?\\.dynamodb\\.table\\.\(token)\\.capacity\\.\(token)(\\.__partition_id=(\\w{7}))$",
            first: "http", needle: ".dynamodb.table.")
        regex(
            "dynamo_operation",
            "^http(?:\\.\(token))?\\.dynamodb\\.(?:operation|table\\.\(token)\\.capacity)(\\.(\(token)))(?:\\.|$)",
            first: "http", needle: ".dynamodb.")
        tokens("mongo_callsite", "mongo.*.collection.*.callsite.$.query.**")
        regex(
            "dynamo_table", "^http(?:\\.\(token))?\\.dynamodb\\.(?:table|error)\\.((\(token))\\.)", first: "http",
            needle: ".dynamodb.")
        tokens("mongo_collection", "mongo.*.collection.$.**.query.**")
        tokens("mongo_cmd", "mongo.*.cmd.$.**")
        tokens("grpc_bridge_method", "cluster.*.grpc.*.$.**")
        tokens("http_user_agent", "http.*.user_agent.$.**")
        tokens("virtual_cluster", "vhost.*.vcluster.$.**")
        tokens("route", "vhost.*.route.$.**")
        tokens("fault_downstream_cluster", "http.*.fault.$.**")
        for (name, part) in [
            ("ssl_cipher", "ciphers"), ("ssl_curve", "curves"), ("ssl_sigalg", "sigalgs"), ("ssl_version", "versions"),
        ] {
            regex(name, "^(?:listener|cluster)\\..*?\\.ssl\\.\(part)(\\.(\(token)))$", needle: ".ssl.\(part).")
        }
        tokens("grpc_bridge_service", "cluster.*.grpc.$.**")
        tokens("tcp_prefix", "tcp.$.**")
        tokens("udp_prefix", "udp.$.**")
        tokens("clientssl_prefix", "auth.clientssl.$.**")
        tokens("ratelimit_prefix", "ratelimit.$.**")
        tokens("cluster_name", "cluster.$.**")
        regex(
            "http_conn_manager_prefix", "^listener\\..*?\\.http\\.((\(token))\\.)", first: "listener", needle: ".http.")
        tokens("http_conn_manager_prefix", "http.$.**")
        regex(
            "worker_id",
            "^(?:listener\\..*?|server|thread_local_cluster_manager|listener_manager)\\.worker(_(\\d+))\\.",
            needle: ".worker_")
        regex("listener_address", "^listener\\.((\(address))\\.)", first: "listener")
        tokens("virtual_host", "vhost.$.**")
        tokens("mongo_prefix", "mongo.$.**")
        regex("rds_route_config", "^http(?:\\.\(token))?\\.rds\\.((.+?)\\.)\\w+?$", first: "http", needle: ".rds.")
        regex(
            "scoped_rds_config", "^http(?:\\.\(token))?\\.scoped_rds\\.((.+?)\\.)\\w+?$", first: "http",
            needle: ".scoped_rds.")
        tokens("rbac_http_prefix", "http.*.rbac.$.**")
        regex(
            "rbac_policy_name", "rbac\\..*?\\.?policy\\.((.+?)\\.)(?:shadow_)?(?:allowed|denied)$", needle: ".policy.")
        regex("rbac_prefix", "^((.+?)\\.)rbac\\.", needle: ".rbac.")
        tokens("connection_limit_prefix", "connection_limit.$.**")
        tokens("ext_authz_prefix", "ext_authz.$.**")
        tokens("redis_prefix", "redis.$.**")
        tokens("thrift_prefix", "thrift.$.**")
        tokens("dns_filter_prefix", "dns_filter.$.**")
        tokens("local_network_ratelimit_prefix", "local_rate_limit.$.**")
        tokens("local_http_ratelimit_prefix", "$.http_local_rate_limit.**")
        tokens("local_listener_ratelimit_prefix", "listener_local_ratelimit.$.**")
        regex(
            "google_grpc_client_prefix", "^cluster\\.\\w+\\.google_grpc\\.((\(token))\\.)", first: "cluster",
            needle: ".google_grpc.")
        tokens("proxy_protocol_prefix", "proxy_proto.$.versions.**")
        regex("proxy_protocol_version", "^proxy_proto\\.(?:.+?\\.)?versions\\.v((\\d)\\.)", first: "proxy_proto")
        return rules
    }()
}
