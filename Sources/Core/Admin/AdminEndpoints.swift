// The endpoints: paths, parameters, and what each answers.

import CoreConfig

/// Builds the table over a data source, which outlives it.
package enum AdminEndpoints {
    package static func table(_ source: any AdminDataSource) -> [AdminEndpoint] {
        // The process owns both the source and the server.
        let table = AdminHandlers(source)
        var endpoints = table.reading() + table.acting()
        // `/help` and `/` show the table itself, both of them in it.
        let shown =
            endpoints
            + [
                AdminEndpoint("/", "Admin home page") { _ in .ok }, AdminEndpoint("/help", "this list") { _ in .ok },
            ]
        let router = AdminRouter(endpoints: shown)
        endpoints.append(AdminEndpoint("/help", "this list") { _ in AdminResponse(router.helpText) })
        endpoints.append(
            AdminEndpoint("/", "Admin home page") { _ in
                .html(
                    HomePage.render(
                        summary: source.summary(), listeners: source.listenerViews(), clusters: source.clusterViews(),
                        endpoints: router.endpoints))
            })
        return endpoints
    }
}

/// The handlers, grouped as the table is.
struct AdminHandlers {
    let source: any AdminDataSource

    init(_ source: any AdminDataSource) { self.source = source }

    private static let formatChoice = AdminParameter("format", "format of the answer", .choice(["text", "json"]))

    // MARK: Reading

    func reading() -> [AdminEndpoint] {
        [
            AdminEndpoint("/ready", "whether the server takes connections: 200, else 503") { [source] _ in
                let state = source.summary().state
                return AdminResponse(state.rawValue + "\n", status: state == .live ? 200 : 503)
            },
            AdminEndpoint("/server_info", "version, state, uptime and command line") { [source] _ in
                .json(source.serverInfo().text() + "\n")
            },
            AdminEndpoint(
                "/listeners", "names and addresses of listeners", [Self.formatChoice]
            ) { [source] request in
                request.query["format"] == "json"
                    ? .json(StatusPages.listenersJSON(source.listenerViews()).text() + "\n")
                    : AdminResponse(StatusPages.listenersText(source.listenerViews()))
            },
            AdminEndpoint(
                "/clusters", "clusters and their hosts",
                [
                    AdminParameter("filter", "only clusters whose name contains a match of this regular expression"),
                    Self.formatChoice,
                ]
            ) { request in clusters(request) },
            AdminEndpoint(
                "/config_dump", "the configuration in force",
                [
                    AdminParameter("resource", "one list of the dump, such as static_clusters"),
                    AdminParameter("mask", "only these fields, comma-separated paths"),
                    AdminParameter("name_regex", "only resources whose whole name matches"),
                    AdminParameter("include_eds", "with the endpoints of clusters", .flag),
                ]
            ) { [source] request in
                ConfigDumpPage.respond(
                    request.query, dumps: source.configDump(includesEDS: request.query.has("include_eds")))
            },
            AdminEndpoint(
                "/stats", "counters, gauges and histograms",
                [
                    AdminParameter("usedonly", "only those written to since start", .flag),
                    AdminParameter("filter", "only names that contain a match of this regular expression"),
                    AdminParameter("format", "format of the answer", .choice(["text", "json", "prometheus", "html"])),
                    AdminParameter(
                        "type", "kinds to show", .choice(["All", "Counters", "Gauges", "Histograms", "TextReadouts"])),
                    AdminParameter(
                        "histogram_buckets", "how histograms are shown",
                        .choice(["cumulative", "disjoint", "detailed", "summary"])),
                ]
            ) { request in stats(request, isPrometheus: false) },
            AdminEndpoint(
                "/stats/prometheus", "statistics in the Prometheus text format",
                [
                    AdminParameter("usedonly", "only those written to since start", .flag),
                    AdminParameter("filter", "only names that contain a match of this regular expression"),
                    AdminParameter(
                        "histogram_buckets", "how histograms are shown",
                        .choice(["cumulative", "summary"])),
                ]
            ) { request in stats(request, isPrometheus: true) },
            AdminEndpoint("/memory", "memory in use, in bytes") { [source] _ in .json(memory(source.memory())) },
            AdminEndpoint("/runtime", "runtime values and the layers they come from") { [source] _ in
                .json(source.runtimeJSON())
            },
            AdminEndpoint("/certs", "certificates in use") { [source] _ in .json(source.certificates().text() + "\n") },
            AdminEndpoint("/init_dump", "what initialization still waits for") { [source] _ in
                .json(source.initDump().text() + "\n")
            },
            AdminEndpoint("/hot_restart_version", "hot restart compatibility version") { _ in AdminResponse("disabled")
            },
        ]
    }

    private func clusters(_ request: AdminRequest) -> AdminResponse {
        var clusters = source.clusterViews()
        if let pattern = request.query["filter"], !pattern.isEmpty {
            do {
                let regex = try RE2Regex(pattern)
                clusters.removeAll { !regex.partialMatch($0.name) }
            } catch { return AdminResponse("Invalid re2 regex: \(error.reason)", status: 400) }
        }
        return request.query["format"] == "json"
            ? .json(StatusPages.clustersJSON(clusters).text() + "\n")
            : AdminResponse(StatusPages.clustersText(clusters))
    }

    private func memory(_ view: MemoryView) -> String {
        let members: [(String, UInt64)] = [
            ("allocated", view.allocated), ("heap_size", view.heapSize), ("pageheap_unmapped", view.pageheapUnmapped),
            ("pageheap_free", view.pageheapFree), ("total_thread_cache", view.totalThreadCache),
            ("total_physical_bytes", view.totalPhysicalBytes),
        ]
        return JSONValue.object(members.map { .init($0.0, .string("\($0.1)")) }).text() + "\n"
    }

    private func stats(_ request: AdminRequest, isPrometheus: Bool) -> AdminResponse {
        // An empty field of a form is a parameter not given.
        var items = request.query.items.filter { !$0.value.isEmpty || $0.name == "usedonly" }
        let wantsPage = !isPrometheus && items.last { $0.name == "format" }?.value == "html"
        if isPrometheus || wantsPage { items.removeAll { $0.name == "format" } }
        let query: StatsQuery
        do { query = try StatsQuery(items, format: isPrometheus ? .prometheus : nil) } catch {
            return AdminResponse(error.text, status: 400)
        }
        var rendering = source.stats(query)
        if wantsPage {
            var text: [UInt8] = []
            while rendering.fill(&text, upTo: .max) {}
            return .html(HomePage.stats(String(decoding: text, as: UTF8.self), request.query))
        }
        var response = query.format == .json ? AdminResponse.json("") : AdminResponse("")
        response.stream = { rendering.fill(&$0, upTo: $1) }
        return response
    }

    // MARK: Acting

    func acting() -> [AdminEndpoint] {
        [
            AdminEndpoint("/healthcheck/fail", mutates: true, "answer health checks with failure") { [source] _ in
                source.failHealthChecks(true)
                return .ok
            },
            AdminEndpoint("/healthcheck/ok", mutates: true, "answer health checks again") { [source] _ in
                source.failHealthChecks(false)
                return .ok
            },
            AdminEndpoint("/reset_counters", mutates: true, "set all counters to zero") { [source] _ in
                source.resetCounters()
                return .ok
            },
            AdminEndpoint("/reopen_logs", mutates: true, "reopen the files of access logs") { [source] _ in
                source.reopenLogs()
                return .ok
            },
            AdminEndpoint("/quitquitquit", mutates: true, "end the process") { [source] _ in
                var response = AdminResponse.ok
                response.afterwards = { source.quit() }
                return response
            },
            AdminEndpoint(
                "/drain_listeners", mutates: true, "stop listening and let connections end",
                [
                    AdminParameter("graceful", "wait for the drain time before listeners close", .flag),
                    AdminParameter("inboundonly", "only listeners whose traffic_direction is INBOUND", .flag),
                    AdminParameter("skip_exit", "drain connections but keep listening", .flag),
                ]
            ) { [source] request in
                var drain = DrainRequest()
                drain.isGraceful = request.query.has("graceful")
                drain.inboundOnly = request.query.has("inboundonly")
                drain.skipExit = request.query.has("skip_exit")
                source.drainListeners(drain)
                return .ok
            },
            AdminEndpoint(
                "/runtime_modify", mutates: true, "set values in the admin layer: key=value, an empty value removes",
                [AdminParameter("key1=value1&key2=value2", "parameters are the keys themselves")]
            ) { request in modifyRuntime(request) },
            AdminEndpoint(
                "/logging", mutates: true, "show or change log levels",
                [
                    AdminParameter("level", "level for every component", .choice(LoggingPage.levels)),
                    AdminParameter("paths", "several components: name:level,name:level"),
                ]
            ) { [source] request in LoggingPage.respond(request.query, source) },
        ]
    }

    private func modifyRuntime(_ request: AdminRequest) -> AdminResponse {
        guard !request.query.items.isEmpty else {
            return AdminResponse(
                "usage: /runtime_modify?key1=value1&key2=value2&keyN=valueN\n"
                    + "       or send the parameters as form values\n"
                    + "use an empty value to remove a previously added override", status: 400)
        }
        if let failure = source.modifyRuntime(request.query.items.map { (key: $0.name, value: $0.value) }) {
            return AdminResponse(failure, status: 503)
        }
        return .ok
    }
}
