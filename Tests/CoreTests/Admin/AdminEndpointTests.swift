// What each endpoint answers, beside what the real Envoy 1.40 answers on the same facts.

import CoreConfig
import Testing

@testable import Core

@Suite struct AdminEndpointTests {
    @Test func readyTellsTheState() throws {
        let bench = try AdminBench()
        #expect(bench.get("/ready").body == "LIVE\n")
        bench.source.view.state = .draining
        let answer = bench.get("/ready?x=1")
        #expect(answer.status == 503 && answer.body == "DRAINING\n")
    }

    @Test func unknownPathsListTheCommands() throws {
        let bench = try AdminBench()
        let answer = bench.get("/nosuch")
        #expect(answer.status == 404)
        #expect(answer.body.hasPrefix("invalid path. admin commands are:\n  /: Admin home page\n"))
        #expect(answer.body.contains("\n  /quitquitquit (POST): "))
        #expect(bench.get("/ready/").status == 404)
        #expect(bench.get("/help").body.hasPrefix("admin commands are:\n  /: Admin home page\n  /certs: "))
    }

    @Test func mutatingPathsWantPost() throws {
        let bench = try AdminBench()
        for path in [
            "/healthcheck/fail", "/quitquitquit", "/drain_listeners", "/reset_counters", "/logging", "/runtime_modify",
        ] {
            let answer = bench.get(path)
            #expect(answer.status == 405 && answer.body == "Method GET not allowed, POST required.")
            #expect(answer.headers["allow"] == "POST")
        }
        #expect(bench.get("/healthcheck/fail", method: "DELETE").body == "Method DELETE not allowed, POST required.")
        #expect(bench.source.done.isEmpty)
        // Reading is not bound to a method.
        #expect(bench.post("/ready").body == "LIVE\n")
    }

    @Test func actionsReachTheSource() throws {
        let bench = try AdminBench()
        for path in [
            "/healthcheck/fail", "/healthcheck/ok", "/reset_counters", "/reopen_logs", "/drain_listeners",
            "/drain_listeners?graceful&inboundonly", "/drain_listeners?graceful=1&skip_exit", "/quitquitquit",
        ] {
            let answer = bench.post(path)
            #expect(answer.status == 200 && answer.body == "OK\n")
        }
        #expect(
            bench.source.done == [
                "fail", "ok", "reset", "reopen", "drain graceful false inbound false skip false",
                "drain graceful true inbound true skip false", "drain graceful true inbound false skip true", "quit",
            ])
    }

    @Test func pagesElsewhereMayNotAct() throws {
        let bench = try AdminBench()
        #expect(bench.post("/quitquitquit", headers: "Sec-Fetch-Site: cross-site\r\n").status == 403)
        #expect(bench.post("/quitquitquit", headers: "Sec-Fetch-Site: same-site\r\n").status == 403)
        #expect(bench.source.done.isEmpty)
        #expect(bench.post("/quitquitquit", headers: "Sec-Fetch-Site: same-origin\r\n").status == 200)
    }

    @Test func allowedPathsAreMatchedWithTheirQuery() throws {
        let bench = try AdminBench(allowedPaths: [StringMatcher(.exact("/ready")), StringMatcher(.prefix("/stats"))])
        #expect(bench.get("/ready").status == 200)
        let query = bench.get("/ready?x")
        #expect(query.status == 403 && query.body == "request to path /ready?x not allowed")
        #expect(bench.get("/stats?usedonly").status == 200)
        #expect(bench.get("/clusters").body == "request to path /clusters not allowed")
    }

    @Test func listenersInBothForms() throws {
        let bench = try AdminBench()
        #expect(bench.get("/listeners").body == "l1::127.0.0.1:19002\nl2::/tmp/envoy/l2.sock\n")
        let json = bench.get("/listeners?format=json")
        #expect(json.headers["content-type"] == "application/json")
        #expect(
            json.body == """
                {
                 "listener_statuses": [
                  {
                   "name": "l1",
                   "local_address": {
                    "socket_address": {
                     "address": "127.0.0.1",
                     "port_value": 19002
                    }
                   }
                  },
                  {
                   "name": "l2",
                   "local_address": {
                    "pipe": {
                     "path": "/tmp/envoy/l2.sock"
                    }
                   }
                  }
                 ]
                }

                """)
        // An unknown format is text.
        #expect(bench.get("/listeners?format=zz").body == "l1::127.0.0.1:19002\nl2::/tmp/envoy/l2.sock\n")
    }

    @Test func clustersAsText() throws {
        let bench = try AdminBench()
        let text = bench.get("/clusters?filter=c2").body
        #expect(
            text == """
                c2::observability_name::c2alt
                c2::default_priority::max_connections::1024
                c2::default_priority::max_pending_requests::1024
                c2::default_priority::max_requests::1024
                c2::default_priority::max_retries::3
                c2::high_priority::max_connections::1024
                c2::high_priority::max_pending_requests::1024
                c2::high_priority::max_requests::1024
                c2::high_priority::max_retries::3
                c2::added_via_api::false
                c2::[::1]:19003::cx_active::0
                c2::[::1]:19003::cx_connect_fail::0
                c2::[::1]:19003::cx_total::0
                c2::[::1]:19003::rq_active::0
                c2::[::1]:19003::rq_error::0
                c2::[::1]:19003::rq_pending_active::0
                c2::[::1]:19003::rq_success::0
                c2::[::1]:19003::rq_timeout::0
                c2::[::1]:19003::rq_total::0
                c2::[::1]:19003::hostname::localhost
                c2::[::1]:19003::health_flags::/failed_eds_health
                c2::[::1]:19003::weight::1
                c2::[::1]:19003::region::
                c2::[::1]:19003::zone::
                c2::[::1]:19003::sub_zone::
                c2::[::1]:19003::canary::false
                c2::[::1]:19003::priority::0
                c2::[::1]:19003::success_rate::-1
                c2::[::1]:19003::local_origin_success_rate::-1

                """)
        let first = bench.get("/clusters").body
        #expect(
            first.hasPrefix(
                """
                c1::observability_name::c1
                c1::outlier::success_rate_average::-1
                c1::outlier::success_rate_ejection_threshold::-1
                c1::outlier::local_origin_success_rate_average::-1
                c1::outlier::local_origin_success_rate_ejection_threshold::-1
                c1::default_priority::max_connections::5

                """))
        #expect(
            first.contains("c1::127.0.0.1:19003::health_flags::/degraded_eds_health\nc1::127.0.0.1:19003::weight::3\n"))
        let bad = bench.get("/clusters?filter=%5B")
        #expect(bad.status == 400 && bad.body == "Invalid re2 regex: missing ]: [")
    }

    @Test func clustersAsJSON() throws {
        let bench = try AdminBench()
        let text = bench.get("/clusters?format=json&filter=c2").body
        #expect(
            text == """
                {
                 "cluster_statuses": [
                  {
                   "name": "c2",
                   "host_statuses": [
                    {
                     "address": {
                      "socket_address": {
                       "address": "::1",
                       "port_value": 19003
                      }
                     },
                     "stats": [
                      {
                       "name": "cx_connect_fail"
                      },
                      {
                       "name": "cx_total"
                      },
                      {
                       "name": "rq_error"
                      },
                      {
                       "name": "rq_success"
                      },
                      {
                       "name": "rq_timeout"
                      },
                      {
                       "name": "rq_total"
                      },
                      {
                       "type": "GAUGE",
                       "name": "cx_active"
                      },
                      {
                       "type": "GAUGE",
                       "name": "rq_active"
                      },
                      {
                       "type": "GAUGE",
                       "name": "rq_pending_active"
                      }
                     ],
                     "health_status": {
                      "eds_health_status": "UNHEALTHY"
                     },
                     "weight": 1,
                     "hostname": "localhost",
                     "locality": {}
                    }
                   ],
                   "circuit_breakers": {
                    "thresholds": [
                     {
                      "max_connections": 1024,
                      "max_pending_requests": 1024,
                      "max_requests": 1024,
                      "max_retries": 3
                     },
                     {
                      "priority": "HIGH",
                      "max_connections": 1024,
                      "max_pending_requests": 1024,
                      "max_requests": 1024,
                      "max_retries": 3
                     }
                    ]
                   },
                   "observability_name": "c2alt"
                  }
                 ]
                }

                """)
        #expect(
            bench.get("/clusters?format=json&filter=c1").body.contains(
                """
                      {
                       "type": "GAUGE",
                       "value": "4",
                       "name": "cx_active"
                      },

                """))
    }

    @Test func loggingListsAndChangesAllOrNothing() throws {
        let bench = try AdminBench()
        let list = { (a: String, b: String) in "active loggers:\n  admin: \(a)\n  main: \(b)\n\n" }
        #expect(bench.post("/logging").body == list("info", "info"))
        #expect(bench.post("/logging?level=").body == list("info", "info"))
        #expect(bench.post("/logging?level=debug").body == list("debug", "debug"))
        #expect(bench.post("/logging?admin=trace").body == list("trace", "debug"))
        #expect(bench.post("/logging?paths=admin:warn,main:off").body == list("warning", "off"))
        let form = "Content-Type: application/x-www-form-urlencoded\r\n"
        #expect(
            bench.post("/logging", headers: form, body: "level=&paths=main%3Aerror").body == list("warning", "error"))
        #expect(bench.post("/logging", headers: form, body: "level=&paths=main%3Aoff").body == list("warning", "off"))
        for (query, why) in [
            ("level=foo", "unknown logger level"), ("admin=xx", "unknown logger level"),
            ("nope=trace", "unknown logger name"),
            ("paths=admin:trace,nope:info", "unknown logger name"), ("a=b&c=d", "invalid number of parameters"),
            ("paths=x", "empty logger name or empty logger level"),
        ] {
            let answer = bench.post("/logging?" + query)
            #expect(
                answer.status == 400 && answer.body.hasPrefix("error: \(why)\n\nusage: /logging?<name>=<level>"),
                "\(query)")
            #expect(answer.body.hasSuffix(list("warning", "off")))
        }
    }

    @Test func runtimeModifyTakesQueryAndForm() throws {
        let bench = try AdminBench()
        #expect(bench.post("/runtime_modify?a.b=9&c=").body == "OK\n")
        let form = "Content-Type: application/x-www-form-urlencoded\r\n"
        #expect(bench.post("/runtime_modify", headers: form, body: "x=a+b%26").body == "OK\n")
        #expect(bench.source.done == ["runtime a.b=9 c=", "runtime x=a b&"])
        #expect(bench.post("/runtime_modify").status == 400)
        bench.source.runtimeRefusal = "No admin layer specified"
        let answer = bench.post("/runtime_modify?x=1")
        #expect(answer.status == 503 && answer.body == "No admin layer specified")
    }

    @Test func statsAreStreamedAndTheirParametersChecked() throws {
        let bench = try AdminBench()
        #expect(bench.get("/stats?format=json").body.hasPrefix("{\"stats\":["))
        #expect(bench.get("/stats?format=&filter=&type=").status == 200)
        #expect(bench.get("/stats/prometheus").headers["content-type"]?.hasPrefix("text/plain") == true)
        #expect(bench.get("/stats?format=html").headers["content-type"] == "text/html; charset=UTF-8")
        #expect(bench.get("/stats?filter=%5B").body == "Invalid re2 regex: missing ]: [")
        #expect(bench.get("/stats?type=foo").body == "invalid &type= param")
        #expect(bench.get("/stats?format=foo").status == 400)
        #expect(bench.get("/stats?histogram_buckets=x").status == 400)
    }

    @Test func smallDocumentsHaveEnvoysShape() throws {
        let bench = try AdminBench()
        #expect(bench.get("/certs").body == "{\n \"certificates\": []\n}\n")
        #expect(bench.get("/init_dump").body == "{}\n")
        #expect(bench.get("/hot_restart_version").body == "disabled")
        let memory = bench.get("/memory").body
        #expect(memory.hasPrefix("{\n \"allocated\": \"") && memory.contains("\"total_physical_bytes\": \""))
    }

    // MARK: Config dump

    private static let type = "type.googleapis.com/envoy.admin.v3."

    private func dumpBench() throws -> AdminBench {
        let bench = try AdminBench()
        func cluster(_ name: String) -> JSONValue {
            let inner: [JSONValue.Member] = [.init("name", .string(name)), .init("type", .string("STATIC"))]
            return .object([.init("cluster", .object(inner)), .init("last_updated", .string("2026"))])
        }
        let node = JSONValue.object([.init("id", .string("n1")), .init("cluster", .string("x"))])
        bench.source.dumps = [
            .object([
                .init("@type", .string(Self.type + "BootstrapConfigDump")),
                .init("bootstrap", .object([.init("node", node)])),
            ]),
            .object([
                .init("@type", .string(Self.type + "ClustersConfigDump")),
                .init("static_clusters", .array([cluster("a1"), cluster("b2")])),
            ]),
            .object([
                .init("@type", .string(Self.type + "EndpointsConfigDump")),
                .init("static_endpoint_configs", .array([])),
            ]),
        ]
        return bench
    }

    @Test func configDumpChoosesResourcesNamesAndFields() throws {
        let bench = try dumpBench()
        let all = bench.get("/config_dump").body
        #expect(all.hasPrefix("{\n \"configs\": [\n  {\n   \"@type\": \"\(Self.type)BootstrapConfigDump\",\n"))
        #expect(!all.contains("EndpointsConfigDump"))
        #expect(bench.get("/config_dump?include_eds").body.contains("EndpointsConfigDump"))
        #expect(
            bench.get("/config_dump?resource=static_clusters&mask=cluster.name&name_regex=b.").body == """
                {
                 "configs": [
                  {
                   "@type": "\(Self.type)ClustersConfigDump.StaticCluster",
                   "cluster": {
                    "name": "b2"
                   }
                  }
                 ]
                }

                """)
        #expect(
            bench.get("/config_dump?mask=bootstrap.node.id").body == """
                {
                 "configs": [
                  {
                   "@type": "\(Self.type)BootstrapConfigDump",
                   "bootstrap": {
                    "node": {
                     "id": "n1"
                    }
                   }
                  }
                 ]
                }

                """)
        #expect(bench.get("/config_dump?resource=static_listeners").body == "{}\n")
    }

    @Test func configDumpRefusalsHaveEnvoysTexts() throws {
        let bench = try dumpBench()
        for (query, status, text) in [
            ("resource=xx", 404, "xx not found in config dump"),
            (
                "resource=bootstrap", 400,
                "bootstrap is not a repeated field. Use ?mask=bootstrap to get only this field."
            ),
            ("mask=yy", 400, "FieldMask yy could not be successfully applied to any configs."),
            ("name_regex=%5B", 400, "INVALID_ARGUMENT: Error while parsing name_regex from [: missing ]: ["),
        ] {
            let answer = bench.get("/config_dump?" + query)
            #expect(answer.status == status && answer.body == text, "\(query)")
        }
        // A form with all fields empty asks for everything.
        #expect(bench.get("/config_dump?resource=&mask=&name_regex=").body == bench.get("/config_dump").body)
    }

    // MARK: Home page

    @Test func theHomePageShowsStateAndEscapesNames() throws {
        let bench = try AdminBench()
        bench.source.shownListeners[0].name = "<script>alert(1)</script>"
        bench.source.shownClusters[0].name = "a\"b<c>'&"
        let page = bench.get("/")
        #expect(page.headers["content-type"] == "text/html; charset=UTF-8" && page.headers["x-frame-options"] == "DENY")
        #expect(page.body.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !page.body.contains("<script>alert"))
        #expect(page.body.contains("a&quot;b&lt;c&gt;&#39;&amp;"))
        #expect(page.body.contains("1 h 2 min") && page.body.contains("<b>1<i>/3</i></b>"))
        #expect(page.body.contains("<form action=\"/quitquitquit\" method=post>"))
        #expect(page.body.contains("<a class=mono href=\"/stats\">/stats</a>"))
        // Nothing is fetched from elsewhere.
        #expect(!page.body.contains("https://") && !page.body.contains("src="))
    }

    @Test func queriesAreDecoded() {
        let query = AdminQuery("a=1&b=%41%zz%4&c&a=2+3&=x")
        #expect(query["a"] == "2+3" && query["b"] == "A%zz%4" && query["c"] == "" && query["d"] == nil)
        #expect(AdminQuery("a=2+3%2B", isForm: true)["a"] == "2 3+")
    }
}
