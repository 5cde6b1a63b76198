/// The operators by name. Those that only HTTP or TLS streams can fill parse as in Envoy and are
/// absent where a stream is neither.
enum FormatOperatorTable {
    /// What may stand in parentheses and after the colon.
    enum Arguments {
        case none
        /// Parentheses are optional, a length is refused.
        case optionalNoLength
        case optional
        case required
    }

    enum Meaning {
        case fixed(FormatOperator)
        case special(Special)
    }

    /// Operators whose argument says what they read.
    enum Special {
        case startTime, startTimeLocal, emitTime, emitTimeLocal, commonDuration, environment, coalesce, hostname
        case dynamicMetadata, clusterMetadata, upstreamMetadata, anyMetadata, filterState, upstreamFilterState
        case path, serverName, grpcStatus, certificateTime
        case requestHeader, responseHeader, trailer, queryParameter
    }

    struct Entry {
        let arguments: Arguments
        let meaning: Meaning
    }

    static func entry(_ name: String) -> Entry? { all[name] }

    static var names: [String] { all.keys.sorted() }

    private static let all: [String: Entry] = {
        var table: [String: Entry] = [:]
        func add(_ names: String, _ arguments: Arguments, _ meaning: Meaning) {
            for name in names.split(separator: " ") {
                table[String(name)] = Entry(arguments: arguments, meaning: meaning)
            }
        }
        for (name, field) in fields { add(name, .none, .fixed(.field(field))) }

        // HTTP only.
        add("REQ REQUEST_HEADER", .required, .special(.requestHeader))
        add("RESP RESPONSE_HEADER", .required, .special(.responseHeader))
        add("TRAILER RESPONSE_TRAILER", .required, .special(.trailer))
        add("QUERY_PARAM", .required, .special(.queryParameter))
        add("QUERY_PARAMS", .optional, .fixed(.http(.query)))
        add("PROTOCOL", .none, .fixed(.http(.protocolName)))
        add("RESPONSE_CODE", .none, .fixed(.http(.responseCode)))
        add("REQUEST_HEADERS_BYTES", .none, .fixed(.http(.requestHeadersBytes)))
        add("RESPONSE_HEADERS_BYTES", .none, .fixed(.http(.responseHeadersBytes)))
        add("PATH", .optional, .special(.path))
        add("GRPC_STATUS", .optional, .special(.grpcStatus))
        add(
            """
            UPSTREAM_PROTOCOL REQUEST_DURATION REQUEST_TX_DURATION RESPONSE_DURATION RESPONSE_TX_DURATION \
            ROUNDTRIP_DURATION GRPC_STATUS_NUMBER TRACE_ID SPAN_ID
            """, .none, .fixed(.absent))
        add(
            """
            RESPONSE_TRAILERS_BYTES \
            UPSTREAM_HEADER_BYTES_SENT UPSTREAM_HEADER_BYTES_RECEIVED UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT \
            UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED DOWNSTREAM_HEADER_BYTES_SENT \
            DOWNSTREAM_HEADER_BYTES_RECEIVED DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT \
            DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED BYTES_RETRANSMITTED PACKETS_RETRANSMITTED
            """, .none, .fixed(.zero))
        add("LOCAL_REPLY_BODY CUSTOM_FLAGS", .none, .fixed(.emptyText))
        add("RESPONSE_CODE_DETAILS", .optionalNoLength, .fixed(.field(.responseCodeDetails)))

        // TLS: the transport arrives later; plain connections have none of these.
        add(
            """
            DOWNSTREAM_TLS_VERSION DOWNSTREAM_TLS_CIPHER DOWNSTREAM_TLS_SESSION_ID DOWNSTREAM_PEER_SUBJECT \
            DOWNSTREAM_PEER_ISSUER DOWNSTREAM_PEER_SERIAL DOWNSTREAM_PEER_FINGERPRINT_1 \
            DOWNSTREAM_PEER_FINGERPRINT_256 DOWNSTREAM_PEER_CERT DOWNSTREAM_PEER_URI_SAN DOWNSTREAM_PEER_DNS_SAN \
            DOWNSTREAM_PEER_IP_SAN DOWNSTREAM_PEER_EMAIL_SAN DOWNSTREAM_PEER_OTHERNAME_SAN \
            DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1 DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256 \
            DOWNSTREAM_PEER_CHAIN_SERIALS DOWNSTREAM_LOCAL_SUBJECT DOWNSTREAM_LOCAL_URI_SAN \
            DOWNSTREAM_LOCAL_DNS_SAN DOWNSTREAM_LOCAL_IP_SAN DOWNSTREAM_LOCAL_EMAIL_SAN \
            DOWNSTREAM_LOCAL_OTHERNAME_SAN DOWNSTREAM_HANDSHAKE_DURATION TLS_JA3_FINGERPRINT TLS_JA4_FINGERPRINT \
            UPSTREAM_TLS_VERSION UPSTREAM_TLS_CIPHER UPSTREAM_TLS_SESSION_ID UPSTREAM_PEER_SUBJECT \
            UPSTREAM_PEER_ISSUER UPSTREAM_PEER_CERT UPSTREAM_PEER_URI_SAN UPSTREAM_PEER_DNS_SAN UPSTREAM_PEER_IP_SAN \
            UPSTREAM_LOCAL_URI_SAN UPSTREAM_LOCAL_DNS_SAN UPSTREAM_LOCAL_IP_SAN UPSTREAM_SERVER_NAME
            """, .none, .fixed(.absent))
        add(
            """
            DOWNSTREAM_PEER_CERT_V_START DOWNSTREAM_PEER_CERT_V_END UPSTREAM_PEER_CERT_V_START \
            UPSTREAM_PEER_CERT_V_END
            """, .optionalNoLength, .special(.certificateTime))

        // Arguments say what is read.
        add("START_TIME", .optionalNoLength, .special(.startTime))
        add("START_TIME_LOCAL", .optionalNoLength, .special(.startTimeLocal))
        add("EMIT_TIME", .optionalNoLength, .special(.emitTime))
        add("EMIT_TIME_LOCAL", .optionalNoLength, .special(.emitTimeLocal))
        add("COMMON_DURATION", .required, .special(.commonDuration))
        add("ENVIRONMENT", .required, .special(.environment))
        add("COALESCE", .required, .special(.coalesce))
        add("HOSTNAME", .none, .special(.hostname))
        add("DYNAMIC_METADATA", .required, .special(.dynamicMetadata))
        add("CLUSTER_METADATA", .required, .special(.clusterMetadata))
        add("UPSTREAM_METADATA", .required, .special(.upstreamMetadata))
        add("METADATA", .required, .special(.anyMetadata))
        add("FILTER_STATE", .required, .special(.filterState))
        add("UPSTREAM_FILTER_STATE", .required, .special(.upstreamFilterState))
        add("REQUESTED_SERVER_NAME", .optionalNoLength, .special(.serverName))
        add("STREAM_ID", .none, .fixed(.streamID))
        add("UNIQUE_ID", .none, .fixed(.uniqueID))
        return table
    }()

    private static let fields: [(String, StreamField)] = [
        ("ACCESS_LOG_TYPE", .accessLogType), ("BYTES_RECEIVED", .bytesReceived), ("BYTES_SENT", .bytesSent),
        ("CONNECTION_ID", .connectionID), ("CONNECTION_TERMINATION_DETAILS", .connectionTerminationDetails),
        ("DURATION", .duration), ("DOWNSTREAM_DETECTED_CLOSE_TYPE", .downstreamDetectedCloseType),
        ("DOWNSTREAM_DIRECT_LOCAL_ADDRESS", .downstreamDirectLocalAddress),
        ("DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT", .downstreamDirectLocalAddressWithoutPort),
        ("DOWNSTREAM_DIRECT_LOCAL_PORT", .downstreamDirectLocalPort),
        ("DOWNSTREAM_DIRECT_REMOTE_ADDRESS", .downstreamDirectRemoteAddress),
        ("DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT", .downstreamDirectRemoteAddressWithoutPort),
        ("DOWNSTREAM_DIRECT_REMOTE_PORT", .downstreamDirectRemotePort),
        ("DOWNSTREAM_LOCAL_ADDRESS", .downstreamLocalAddress),
        ("DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", .downstreamLocalAddressWithoutPort),
        ("DOWNSTREAM_LOCAL_CLOSE_REASON", .downstreamLocalCloseReason),
        ("DOWNSTREAM_LOCAL_PORT", .downstreamLocalPort), ("DOWNSTREAM_REMOTE_ADDRESS", .downstreamRemoteAddress),
        ("DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", .downstreamRemoteAddressWithoutPort),
        ("DOWNSTREAM_REMOTE_PORT", .downstreamRemotePort),
        ("DOWNSTREAM_TRANSPORT_FAILURE_REASON", .downstreamTransportFailureReason),
        ("DOWNSTREAM_WIRE_BYTES_RECEIVED", .downstreamWireBytesReceived),
        ("DOWNSTREAM_WIRE_BYTES_SENT", .downstreamWireBytesSent), ("FILTER_CHAIN_NAME", .filterChainName),
        ("LISTENER_NAME", .listenerName), ("RESPONSE_FLAGS", .responseFlags),
        ("RESPONSE_FLAGS_LONG", .responseFlagsLong), ("ROUTE_NAME", .routeName),
        ("UPSTREAM_CLUSTER", .upstreamCluster), ("UPSTREAM_CLUSTER_RAW", .upstreamCluster),
        ("UPSTREAM_CONNECTION_ID", .upstreamConnectionID),
        ("UPSTREAM_CONNECTION_IDS_ATTEMPTED", .upstreamConnectionIDsAttempted),
        ("UPSTREAM_CONNECTION_POOL_READY_DURATION", .upstreamPoolReadyDuration),
        ("UPSTREAM_DETECTED_CLOSE_TYPE", .upstreamDetectedCloseType), ("UPSTREAM_HOST", .upstreamHost),
        ("UPSTREAM_HOST_NAME", .upstreamHostName),
        ("UPSTREAM_HOST_NAME_WITHOUT_PORT", .upstreamHostNameWithoutPort),
        ("UPSTREAM_HOSTS_ATTEMPTED", .upstreamHostsAttempted),
        ("UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT", .upstreamHostsAttemptedWithoutPort),
        ("UPSTREAM_HOST_NAMES_ATTEMPTED", .upstreamHostNamesAttempted),
        ("UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT", .upstreamHostNamesAttemptedWithoutPort),
        ("UPSTREAM_LOCAL_ADDRESS", .upstreamLocalAddress),
        ("UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", .upstreamLocalAddressWithoutPort),
        ("UPSTREAM_LOCAL_CLOSE_REASON", .upstreamLocalCloseReason), ("UPSTREAM_LOCAL_PORT", .upstreamLocalPort),
        ("UPSTREAM_REMOTE_ADDRESS", .upstreamRemoteAddress),
        ("UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", .upstreamRemoteAddressWithoutPort),
        ("UPSTREAM_REMOTE_PORT", .upstreamRemotePort),
        ("UPSTREAM_REQUEST_ATTEMPT_COUNT", .upstreamRequestAttemptCount),
        ("UPSTREAM_TRANSPORT_FAILURE_REASON", .upstreamTransportFailureReason),
        ("UPSTREAM_WIRE_BYTES_RECEIVED", .upstreamWireBytesReceived),
        ("UPSTREAM_WIRE_BYTES_SENT", .upstreamWireBytesSent), ("VIRTUAL_CLUSTER_NAME", .virtualClusterName),
    ]
}
