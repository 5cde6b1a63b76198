// The admin port as a client meets it: keep-alive, pipelining, bounds, errors, time.

import CoreBytes
import Glibc
import Testing

@testable import Core

@Suite struct AdminConnectionTests {
    @Test func keepsTheConnectionAndAnswersPipelinedRequestsInOrder() throws {
        let bench = try AdminBench()
        let client = bench.connect()
        client.send("GET /ready HTTP/1.1\r\nHost: t\r\n\r\nHEAD /ready HTTP/1.1\r\nHost: t\r\n\r\nGET /help HT")
        #expect(client.read(until: "\r\n\r\n").contains("LIVE\n"))
        client.send("TP/1.1\r\nHost: t\r\n\r\nGET /hot_restart_version HTTP/1.1\r\nHost: t\r\n\r\n")
        let rest = client.read(until: "disabled")
        #expect(rest.contains("admin commands are:") && rest.hasSuffix("disabled"))
        #expect(bench.server.counters.requests == 4 && bench.server.counters.connections == 1)
        #expect(bench.exchanges.map(\.request.method) == ["GET", "HEAD", "GET", "GET"])
        #expect(bench.exchanges.map(\.bytesSent).prefix(2) == [5, 0])
    }

    @Test func headHasLengthAndNoBody() throws {
        let bench = try AdminBench()
        let answer = bench.get("/ready", method: "HEAD")
        #expect(answer.status == 200 && answer.headers["content-length"] == "5" && answer.body == "")
        #expect(answer.headers["content-type"] == "text/plain; charset=UTF-8")
        #expect(answer.headers["cache-control"] == "no-cache, max-age=0")
        #expect(answer.headers["x-content-type-options"] == "nosniff")
        #expect(answer.headers["connection"] == "close")
        #expect(answer.headers["date"]?.hasSuffix(" GMT") == true)
    }

    @Test func http10ClosesAndHalfClosedClientsAreAnswered() throws {
        let bench = try AdminBench()
        let old = bench.connect()
        old.send("GET /ready HTTP/1.0\r\n\r\n")
        #expect(AdminAnswer(old.readToEnd()).body == "LIVE\n")
        let half = bench.connect()
        half.send("GET /ready HTTP/1.1\r\nHost: t\r\n\r\n")
        shutdown(half.fd, Int32(SHUT_WR))
        #expect(AdminAnswer(half.readToEnd()).body == "LIVE\n")
    }

    @Test func wrongRequestsGetTheirStatusAndAClose() throws {
        let bench = try AdminBench()
        for (text, status) in [
            ("GET /ready HTTP/1.1\r\n\r\n", 400), ("GET /ready HTTP/1.1\nHost: t\n\n", 400),
            ("GET /ready HTTP/2.0\r\n\r\n", 505),
            ("GET /" + String(repeating: "a", count: 9000), 414),
            ("GET /ready HTTP/1.1\r\nHost: t\r\nX: " + String(repeating: "a", count: 40000), 431),
            ("POST /logging HTTP/1.1\r\nHost: t\r\nContent-Length: 70000\r\n\r\n", 413),
            ("POST /logging HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
            ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405),
            ("GET /ready HTTP/1.1\r\nHost: t\r\nExpect: tea\r\n\r\n", 417),
        ] {
            let client = bench.connect()
            client.send(text)
            shutdown(client.fd, Int32(SHUT_WR))
            let answer = AdminAnswer(client.readToEnd())
            #expect(answer.status == status && answer.headers["connection"] == "close", "\(text.prefix(40))")
        }
        #expect(bench.get("/ready").status == 200)
    }

    @Test func chunkedFormsAreReadAndExpectContinueIsAnswered() throws {
        let bench = try AdminBench()
        let client = bench.connect()
        client.send(
            "POST /runtime_modify HTTP/1.1\r\nHost: t\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                + "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
        #expect(client.read(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
        client.send("5\r\na.b=1\r\n6\r\n+2&c=%\r\n2\r\n41\r\n0\r\n\r\n")
        #expect(client.read(until: "OK\n").hasSuffix("OK\n"))
        #expect(bench.source.done == ["runtime a.b=1 2 c=A"])
    }

    @Test func aSlowReaderCostsOneAnswerPlusTheWatermark() throws {
        let page = String(repeating: "x", count: 1 << 20)
        var served = 0
        let bench = try AdminBench(extra: [
            AdminEndpoint("/large", "a megabyte") { _ in
                served += 1
                return AdminResponse(page)
            }
        ])
        let client = bench.connect()
        for _ in 0..<100 { client.send("GET /large HTTP/1.1\r\nHost: t\r\n\r\n") }
        client.turn(100)
        // The kernel's buffers take some; what waits in us stops the rest.
        #expect(served < 20)
        var total = 0
        let deadline = Instant.read().advanced(byMS: 10_000)
        while total < 100 << 20, Instant.read() < deadline {
            client.turn(1)
            if case .bytes(let bytes) = client.readOnce() { total += bytes.count }
        }
        #expect(total > 100 << 20 && served == 100)
    }

    @Test func streamsAreChunkedAndStopWhenTheReaderStops() throws {
        var pieces = 0
        let bench = try AdminBench(extra: [
            AdminEndpoint("/stream", "ten megabytes in pieces") { _ in
                var left = 160
                var response = AdminResponse("")
                response.stream = { out, bytes in
                    pieces += 1
                    left -= 1
                    out += [UInt8](repeating: 0x61, count: bytes)
                    return left > 0
                }
                return response
            }
        ])
        let client = bench.connect()
        client.send(
            "GET /stream HTTP/1.1\r\nHost: t\r\n\r\nGET /ready HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        client.turn(100)
        #expect(pieces < 160)
        let text = client.readToEnd()
        #expect(text.count > 160 * 65536)
        let tail = String(decoding: text.suffix(400), as: UTF8.self)
        #expect(tail.contains("0\r\n\r\nHTTP/1.1 200 OK\r\n") && tail.hasSuffix("LIVE\n"))
        let old = bench.connect()
        old.send("GET /stream HTTP/1.0\r\n\r\n")
        let answer = AdminAnswer(old.readToEnd())
        #expect(answer.headers["transfer-encoding"] == nil && answer.body.utf8.count == 160 * 65536)
    }

    @Test func connectionsOverTheLimitAreClosedAndCounted() throws {
        var options = AdminServer.Options()
        options.maxConnections = 2
        let bench = try AdminBench(options: options)
        let kept = [bench.connect(), bench.connect()]
        let over = bench.connect()
        #expect(over.readToEnd().isEmpty)
        #expect(bench.server.counters.connectionsRefused == 1 && bench.server.connectionCount == 2)
        kept[0].send("GET /ready HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        #expect(AdminAnswer(kept[0].readToEnd()).status == 200)
    }

    @Test func aTrickleOfBytesDoesNotHoldAConnection() throws {
        var options = AdminServer.Options()
        options.idleTimeoutMS = 60
        let bench = try AdminBench(options: options)
        let client = bench.connect()
        let start = Instant.read()
        var ended = false
        for byte in "GET /ready HTTP/1.1\r\nHost: t\r\nX-Long-Header-Name: abcdefghijklmnop\r\n" where !ended {
            client.send(String(byte))
            usleep(5000)
            client.turn(1)
            ended = client.readOnce() == .end
        }
        #expect(ended && Instant.read().milliseconds(since: start) >= 60)
        #expect(bench.server.counters.idleTimeouts == 1 && bench.server.connectionCount == 0)
    }

    @Test func aUnixSocketServesAndIsRemoved() throws {
        let path = "/tmp/sluice-admin-\(getpid()).sock"
        let bench = try AdminBench(address: .unix(path: path))
        #expect(bench.get("/ready").body == "LIVE\n")
        bench.server.close()
        #expect(access(path, F_OK) != 0)
    }

    @Test func theAddressInUseIsAnErrorThatNamesIt() throws {
        let bench = try AdminBench()
        let address = try #require(bench.server.boundAddress)
        do {
            _ = try AdminBench(address: address)
            Issue.record("Two servers on one address.")
        } catch let error as SocketError {
            #expect(error.call == "bind \(address)" && error.errno == EADDRINUSE)
        }
    }

    @Test func exchangesMakeALogLine() throws {
        let bench = try AdminBench()
        _ = bench.get("/ready?a=\"", headers: "User-Agent: curl\"x\r\n")
        let wallNS: UInt64 = 1_700_000_000_123_000_000
        let standard = line(bench.exchanges[0], .standardHTTP, wallNS)
        #expect(standard.hasPrefix("[2023-11-14T22:13:20.12"), "\(standard)")
        #expect(standard.contains("Z] \"GET /ready?a=\" HTTP/1.1\" 200 - 0 5 "), "\(standard)")
        #expect(standard.hasSuffix(" - \"127.0.0.1\" \"curl\"x\" \"-\" \"t\" \"-\"\n"), "\(standard)")
    }

    /// The words were compared with Envoy's for the same request.
    @Test func exchangesHaveTheFieldsOfHTTP() throws {
        let bench = try AdminBench()
        _ = bench.get("/nope?x=1&y=2", method: "POST", headers: "X-Foo: abc\r\n", body: "k=v")
        let format = try AccessLogFormat(
            text: """
                %REQ(:METHOD)% %REQ(:PATH)% %REQ(:SCHEME)% %REQ(HOST)% %REQ(X-NO?X-FOO)% %REQ(X-FOO):2% %REQ(X-NO)% \
                %RESPONSE_CODE% %RESP(:STATUS)% %RESP(SERVER)% %PROTOCOL% %PATH% %PATH(NQ)% %QUERY_PARAM(x)% \
                %QUERY_PARAM(z)% %QUERY_PARAMS% %TRAILER(a)% %BYTES_RECEIVED% %RESPONSE_FLAGS% %ACCESS_LOG_TYPE%
                """, isHTTP: true)
        #expect(
            line(bench.exchanges[0], format) == """
                POST /nope?x=1&y=2 http t abc ab - 404 404 sluice HTTP/1.1 /nope?x=1&y=2 /nope 1 - x=1&y=2 - 3 - \
                DownstreamEnd
                """)
        let sizes = try AccessLogFormat(
            text: "%BYTES_SENT% %DOWNSTREAM_WIRE_BYTES_SENT% %DOWNSTREAM_WIRE_BYTES_RECEIVED%", isHTTP: true)
        let numbers = line(bench.exchanges[0], sizes).split(separator: " ").compactMap { Int($0) }
        #expect(numbers.count == 3 && numbers[0] > 0 && numbers[1] > numbers[0] && numbers[2] > 80, "\(numbers)")
        let json = try AccessLogFormat(json: ["code": .string("%RESPONSE_CODE%"), "no": .string("%REQ(NO)%")])
        #expect(line(bench.exchanges[0], json) == "{\"code\":404,\"no\":null}\n")
    }

    private func line(_ exchange: AdminExchange, _ format: AccessLogFormat, _ wallNS: UInt64 = 0) -> String {
        var info = exchange.streamInfo(endWallNS: wallNS == 0 ? StreamInfo.readWallNS() : wallNS)
        var out: [UInt8] = []
        var scratch = FormatScratch(random: FastRandom())
        format.write(&info, .downstreamEnd, now: exchange.end, into: &out, &scratch)
        return String(decoding: out, as: UTF8.self)
    }
}
