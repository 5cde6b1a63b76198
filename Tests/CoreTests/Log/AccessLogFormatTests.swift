import CoreBytes
import Testing

@testable import Core

/// Expectations are what Envoy 1.40 wrote for the same stream on a tcp_proxy listener.
@Suite struct AccessLogFormatTests {
    static let wallNS: UInt64 = 1_795_424_868_235_132_000
    static let start = Instant(nanoseconds: 5_000_000_000)

    static func makeInfo() -> StreamInfo {
        var info = StreamInfo(now: start, wallNS: wallNS)
        info.connectionID = 0
        info.downstreamRemoteAddress = SocketAddress("127.0.0.1:48574")
        info.downstreamLocalAddress = SocketAddress("127.0.0.1:19930")
        info.listenerName = "l1"
        info.filterChainName = "fc1"
        info.upstreamHostAddress = SocketAddress("127.0.0.1:19920")
        info.upstreamRemoteAddress = info.upstreamHostAddress
        info.upstreamLocalAddress = SocketAddress("127.0.0.1:42954")
        info.upstreamCluster = "c"
        info.upstreamConnectionID = 1
        info.upstreamAttemptCount = 1
        info.bytesReceived = 5
        info.bytesSent = 10
        info.downstreamWireBytesReceived = 5
        info.downstreamWireBytesSent = 10
        info.upstreamWireBytesReceived = 10
        info.upstreamWireBytesSent = 5
        info.endTime = Instant(nanoseconds: 5_151_000_000)
        return info
    }

    static func write(_ format: AccessLogFormat, _ info: StreamInfo = makeInfo()) -> String {
        var info = info
        var scratch = FormatScratch(random: FastRandom(seed: 1))
        var out: [UInt8] = []
        format.write(
            &info, .tcpConnectionEnd, now: Instant(nanoseconds: 5_152_000_000), into: &out, &scratch)
        return String(decoding: out, as: UTF8.self)
    }

    private func text(_ format: String, _ info: StreamInfo = makeInfo()) throws -> String {
        Self.write(try AccessLogFormat(text: format), info)
    }

    @Test func defaultLine() {
        #expect(
            Self.write(.standard)
                == "[2026-11-23T09:07:48.235Z] \"- - -\" 0 - 5 10 151 - \"-\" \"-\" \"-\" \"-\" \"127.0.0.1:19920\"\n")
        var failed = Self.makeInfo()
        failed.bytesReceived = 0
        failed.bytesSent = 0
        failed.endTime = Self.start
        failed.responseFlags = [.upstreamRetryLimitExceeded, .upstreamConnectionFailure]
        #expect(
            Self.write(.standard, failed)
                == "[2026-11-23T09:07:48.235Z] \"- - -\" 0 UF,URX 0 0 0 - \"-\" \"-\" \"-\" \"-\" \"127.0.0.1:19920\"\n"
        )
    }

    @Test(arguments: [
        ("REQ(:METHOD)", "-"), ("REQUEST_HEADER(X-A?X-B):5", "-"), ("PROTOCOL", "-"), ("PATH(WQ)", "-"),
        ("QUERY_PARAMS", "-"), ("BYTES_RECEIVED", "5"), ("BYTES_RECEIVED()", "5"), ("BYTES_SENT", "10"),
        ("REQUEST_HEADERS_BYTES", "0"), ("REQUEST_DURATION", "-"), ("START_TIME", "2026-11-23T09:07:48.235Z"),
        ("START_TIME(%s)", "1795424868"), ("START_TIME(%s.%3f)", "1795424868.235"),
        ("START_TIME(%Y/%m/%dT%H:%M:%S%z_%s)", "2026/11/23T09:07:48+0000_1795424868"),
        ("START_TIME(%3f|%6f|%9f|%1f|%2f)", "235|235132|235132000|2|23"),
        ("START_TIME(%E3f|%E6S|%E*S|%E*f|%Ez|%E4Y)", "235|48.235132|48.235132|235132|+00:00|2026"),
        ("START_TIME(%f)", "235132000"), ("START_TIME(%b_%a_%d_%j)", "Nov_Mon_23_327"), ("START_TIME(%)", "%"),
        ("START_TIME(%Q)", "%Q"), ("EMIT_TIME", "2026-11-23T09:07:48.387Z"), ("EMIT_TIME(%s)", "1795424868"),
        ("CONNECTION_ID", "0"), ("TRACE_ID", "-"), ("ACCESS_LOG_TYPE", "TcpConnectionEnd"), ("RESPONSE_CODE", "0"),
        ("RESPONSE_CODE_DETAILS", "-"), ("RESPONSE_FLAGS", "-"), ("RESPONSE_FLAGS_LONG", "-"),
        ("GRPC_STATUS(CAMEL_STRING)", "-"), ("LOCAL_REPLY_BODY", ""), ("CUSTOM_FLAGS", ""), ("DURATION", "151"),
        ("ROUNDTRIP_DURATION", "-"), ("UPSTREAM_HOST", "127.0.0.1:19920"), ("UPSTREAM_HOST_NAME", "127.0.0.1:19920"),
        ("UPSTREAM_HOST_NAME_WITHOUT_PORT", "127.0.0.1"), ("UPSTREAM_HOSTS_ATTEMPTED", "127.0.0.1:19920"),
        ("UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT", "127.0.0.1"), ("UPSTREAM_CLUSTER", "c"),
        ("UPSTREAM_CONNECTION_ID", "1"), ("UPSTREAM_CONNECTION_IDS_ATTEMPTED", "1"),
        ("UPSTREAM_CONNECTION_POOL_READY_DURATION", "0"), ("UPSTREAM_LOCAL_ADDRESS", "127.0.0.1:42954"),
        ("UPSTREAM_LOCAL_PORT", "42954"), ("UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", "127.0.0.1"),
        ("UPSTREAM_REMOTE_PORT", "19920"), ("UPSTREAM_REQUEST_ATTEMPT_COUNT", "1"),
        ("UPSTREAM_TRANSPORT_FAILURE_REASON", "-"), ("UPSTREAM_TLS_VERSION", "-"),
        ("UPSTREAM_WIRE_BYTES_RECEIVED", "10"), ("UPSTREAM_WIRE_BYTES_SENT", "5"), ("UPSTREAM_METADATA(a:b)", "-"),
        ("UPSTREAM_DETECTED_CLOSE_TYPE", "Normal"), ("DOWNSTREAM_REMOTE_ADDRESS", "127.0.0.1:48574"),
        ("DOWNSTREAM_DIRECT_REMOTE_PORT", "48574"), ("DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", "127.0.0.1"),
        ("DOWNSTREAM_DETECTED_CLOSE_TYPE", "Normal"), ("CONNECTION_TERMINATION_DETAILS", "-"),
        ("BYTES_RETRANSMITTED", "0"), ("FILTER_CHAIN_NAME", "fc1"), ("LISTENER_NAME", "l1"), ("ROUTE_NAME", "-"),
        ("DYNAMIC_METADATA(a)", "-"), ("METADATA(LISTENER_FILTER_CHAIN:a)", "-"), ("FILTER_STATE(k)", "-"),
        ("ENVIRONMENT(SLUICE_TEST_NOPE)", "-"), ("COMMON_DURATION(a:b)", "-"), ("REQUESTED_SERVER_NAME", "-"),
        ("REQUESTED_SERVER_NAME(SNI_FIRST:ORIG)", "-"), ("DOWNSTREAM_PEER_CERT_V_START(%Y)", "-"),
        ("ENVIRONMENT(PATH):0", ""),
    ])
    func operators(_ op: String, _ expected: String) throws {
        #expect(try text("[%\(op)%]") == "[\(expected)]")
    }

    /// Every operator of the reference parses with a fitting argument.
    @Test func allNamesParse() throws {
        for name in FormatOperatorTable.names {
            let argument =
                switch name {
                case "COALESCE": "({\"operators\":[\"HOSTNAME\"]})"
                case "COMMON_DURATION": "(DS_RX_BEG:DS_TX_END:us)"
                case "METADATA": "(CLUSTER:x)"
                default: FormatOperatorTable.entry(name)?.arguments == .required ? "(x)" : ""
                }
            _ = try text("%\(name)\(argument)%")
        }
    }

    @Test(arguments: [
        ("%UNKNOWN%", 0, "unknown operator UNKNOWN"), ("abc%DURATIN%", 3, "did you mean DURATION?"),
        ("%REQ%", 0, "REQ needs an argument"), ("%REQ()%", 0, "REQ needs an argument"),
        ("%REQ(a?b?c)%", 0, "one alternative header"), ("x%REQ(x):%", 1, "number of bytes"),
        ("%REQ(a%", 0, "( without )"), ("%REQ(a)x%", 0, "REQ is not closed"), ("%hostname%", 0, "capital letters"),
        ("%DURATION(x)%", 0, "neither an argument nor a length"), ("%HOSTNAME:2%", 0, "neither an argument"),
        ("%START_TIME():5%", 0, "START_TIME takes no length"), ("%DYNAMIC_METADATA()%", 0, "needs an argument"),
        ("%FILTER_STATE(k:BAD)%", 0, "FILTER_STATE takes"), ("%FILTER_STATE(a:FIELD)%", 0, "FILTER_STATE takes"),
        ("%METADATA(BAD:a)%", 0, "METADATA's type"), ("%COMMON_DURATION(a:b:xs)%", 0, "not xs"),
        ("%GRPC_STATUS(BAD)%", 0, "not BAD"), ("%PATH(BAD)%", 0, "not BAD"),
        ("%REQUESTED_SERVER_NAME(BAD)%", 0, "not BAD"),
        ("%COALESCE(x)%", 0, "JSON object"),
        ("%COALESCE({\"operators\":[\"NOPE\"]})%", 0, "operators[0]: unknown operator NOPE"),
        ("%CEL(x)%", 0, "not supported yet"), ("100%", 3, "malformed"),
        ("%UPSTREAM_PEER_SERIAL%", 0, "unknown operator"),
    ])
    func refusals(_ format: String, _ offset: Int, _ words: String) throws {
        let error = try #require(throws: FormatError.self) { try AccessLogFormat(text: format) }
        #expect(error.offset == offset)
        #expect(error.reason.contains(words), "\(error)")
    }

    @Test func literalsKeepPercentSigns() throws {
        #expect(try text("100%% of %BYTES_SENT%%%\n") == "100% of 10%\n")
    }

    @Test func missingValuesMayBeLeftOut() throws {
        let format = try AccessLogFormat(
            text: "[%REQ(x)%|%UPSTREAM_HOST%|%RESPONSE_FLAGS%|%ROUTE_NAME%]\n", omitsEmpty: true)
        #expect(Self.write(format) == "[|127.0.0.1:19920|-|]\n")
    }

    @Test func failuresStayOneWord() throws {
        var info = Self.makeInfo()
        info.details.upstreamTransportFailureReason = "delayed connect error: Connection refused"
        info.details.connectionTerminationDetails = "tcp_session_idle_timeout"
        #expect(
            try text("%UPSTREAM_TRANSPORT_FAILURE_REASON% %CONNECTION_TERMINATION_DETAILS%", info)
                == "delayed_connect_error:_Connection_refused tcp_session_idle_timeout")
    }

    @Test func metadataAndFilterState() throws {
        var info = Self.makeInfo()
        info.details.dynamicMetadata.filterMetadata["ns"] = .object([
            "user": .string("ann \"x\""), "n": .number(3),
            "deep": .object(["z": .bool(true), "a": .list([.null, .number(1.5)])]),
        ])
        info.details.filterState["key"] = "va\"lue"
        #expect(try text("%DYNAMIC_METADATA(ns:user)%", info) == "ann \"x\"")
        #expect(try text("%DYNAMIC_METADATA(ns:user):3%", info) == "ann")
        #expect(try text("%DYNAMIC_METADATA(ns:n)%", info) == "3")
        #expect(try text("%METADATA(DYNAMIC:ns:deep)%", info) == "{\"a\":[null,1.5],\"z\":true}")
        #expect(try text("%DYNAMIC_METADATA(ns:nope:x)%", info) == "-")
        #expect(try text("%FILTER_STATE(key:PLAIN)% %FILTER_STATE(key)%", info) == "va\"lue \"va\\\"lue\"")
        let json = try AccessLogFormat(json: [
            "m": .string("%DYNAMIC_METADATA(ns)%"), "s": .string("%FILTER_STATE(key)%"),
        ])
        #expect(
            Self.write(json, info)
                == """
                {"m":{"deep":{"a":[null,1.5],"z":true},"n":3,"user":"ann \\"x\\""},"s":"va\\"lue"}

                """)
    }

    @Test func durationsBetweenNamedPoints() throws {
        var info = Self.makeInfo()
        info.details.mark(.upstreamConnectBegin, at: Instant(nanoseconds: 5_001_000_000))
        info.details.mark(.upstreamConnectEnd, at: Instant(nanoseconds: 5_001_092_000))
        info.details.mark(.upstreamConnectEnd, at: Instant(nanoseconds: 9_000_000_000))
        #expect(try text("%COMMON_DURATION(US_CX_BEG:US_CX_END:us)%", info) == "92")
        #expect(try text("%COMMON_DURATION(DS_RX_BEG:US_CX_BEG:ms)%", info) == "1")
        #expect(try text("%COMMON_DURATION(US_CX_END:US_CX_BEG:ns)%", info) == "-")
    }

    @Test func idsAreUUIDs() throws {
        let line = try text("%STREAM_ID% %STREAM_ID% %UNIQUE_ID% %UNIQUE_ID%")
        let ids = line.split(separator: " ")
        #expect(ids[0] == ids[1])
        #expect(ids[2] != ids[3])
        for id in ids {
            #expect(id.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil)
        }
    }

    @Test func coalesceTakesTheFirstThatIsThere() throws {
        #expect(
            try text(
                "%COALESCE({\"operators\":[\"REQUESTED_SERVER_NAME\",{\"command\":\"ROUTE_NAME\"},\"UPSTREAM_CLUSTER\"]})%"
            ) == "c")
        #expect(
            try text(
                "%COALESCE({\"operators\":[{\"command\":\"UPSTREAM_METADATA\",\"param\":\"a:b\"},{\"command\":\"ENVIRONMENT\",\"param\":\"PATH\",\"max_length\":1}]})%"
            ) == "/")
    }

    @Test func ipv6AndUnixAddresses() throws {
        var info = Self.makeInfo()
        info.downstreamRemoteAddress = SocketAddress("[2001:db8::1]:443")
        info.downstreamLocalAddress = .unix(path: "/run/x.sock")
        #expect(
            try text(
                "%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_REMOTE_PORT%", info)
                == "[2001:db8::1]:443 2001:db8::1 443")
        #expect(try text("%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_PORT%", info) == "/run/x.sock -")
    }

    /// As Envoy wrote it for the same `json_format`.
    @Test func jsonKeepsTypesAndSortsKeys() throws {
        let object: [String: MetadataValue] = [
            "mix": .string("a %REQ(x)% b %BYTES_SENT%"), "two": .string("%BYTES_SENT%%BYTES_RECEIVED%"),
            "lit": .string("plain"), "num": .number(5), "flt": .number(1.5), "b": .bool(true), "nul": .null,
            "list": .list([.string("%BYTES_SENT%"), .number(1), .string("x"), .string("%REQ(x)%")]),
            "nest": .object(["z": .string("%DURATION%"), "a": .string("%REQ(x)%")]),
            "empty": .object(["q": .string("%REQ(x)%")]), "esc": .string("q\"\\\n\té%%\u{1}<>&/"),
            "up": .string("%UPSTREAM_HOST%"), "meta": .string("%DYNAMIC_METADATA(a)%"), "B": .number(1),
            "_": .number(2),
            "flags": .string("%RESPONSE_FLAGS%"),
        ]
        #expect(
            Self.write(try AccessLogFormat(json: object))
                == #"""
                {"B":1,"_":2,"b":true,"empty":{"q":null},"esc":"q\"\\\n\té%\u0001<>&/","flags":"-","flt":1.5,"list":[10,1,"x",null],"lit":"plain","meta":null,"mix":"a - b 10","nest":{"a":null,"z":151},"nul":null,"num":5,"two":"105","up":"127.0.0.1:19920"}

                """#)
        #expect(
            Self.write(try AccessLogFormat(json: object, omitsEmpty: true))
                == #"""
                {"B":1,"_":2,"b":true,"esc":"q\"\\\n\té%\u0001<>&/","flags":"-","flt":1.5,"list":[10,1,"x"],"lit":"plain","mix":"a  b 10","nest":{"z":151},"num":5,"two":"105","up":"127.0.0.1:19920"}

                """#)
    }

    @Test func jsonErrorNamesTheMember() throws {
        let error = try #require(throws: FormatError.self) {
            try AccessLogFormat(json: ["a": .object(["b": .list([.number(1), .string("x %NOPE%")])])])
        }
        #expect(error.reason.hasPrefix("a.b[1]: unknown operator NOPE"))
        #expect(error.offset == 2)
    }

    @Test func emptyJSONStaysAnObject() throws {
        #expect(Self.write(try AccessLogFormat(json: ["x": .string("%REQ(x)%")], omitsEmpty: true)) == "{}\n")
    }
}
