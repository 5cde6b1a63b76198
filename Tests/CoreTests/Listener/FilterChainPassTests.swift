import Glibc
import Testing

@testable import Core

/// How events travel down a chain of filters that stop and go on.
@Suite struct FilterChainPassTests {
    /// A connection through `count` scripted filters and a terminal one; the client's end is in the test's hand.
    final class Chain {
        let bench = WorkerBench()
        let journal = FilterJournal()
        let listener: ActiveListener
        private(set) var client: Int32 = -1

        init(
            _ count: Int, filtersWrites: Bool = false, bufferLimitBytes: Int = 1 << 20,
            answer: @escaping (String) -> FilterStatus = { _ in .proceed }
        ) throws {
            let (leading, terminal) = journal.chain(count, filtersWrites: filtersWrites)
            listener = try bench.listener(leading: leading, terminal: terminal, bufferLimitBytes: bufferLimitBytes)
            journal.answer = answer
            client = bench.accept(on: listener)
        }

        deinit { closeClient() }

        var downstream: DownstreamConnection? { bench.worker.connections.all().first }

        func send(_ text: String) -> [String] {
            ConnectionBench.writeAll(client, Array(text.utf8))
            return settle()
        }

        func end() -> [String] {
            shutdown(client, Int32(SHUT_WR))
            return settle()
        }

        func settle() -> [String] {
            for _ in 0..<4 { bench.loop.turn(mayWait: false) }
            return journal.take()
        }

        func closeClient() {
            if client >= 0 { close(client) }
            client = -1
        }
    }

    @Test func everyFilterSeesEveryEventInOrder() throws {
        let chain = try Chain(2)
        #expect(chain.journal.take() == ["0 new", "1 new", "2 new"])
        #expect(chain.send("ab") == ["0 bytes ab", "1 bytes ab", "2 bytes ab"])
        #expect(chain.end() == ["0 end", "1 end", "2 end"])
    }

    @Test func aChainOfOneGoesStraightToTheTerminal() throws {
        let chain = try Chain(0)
        #expect(chain.journal.take() == ["0 new"])
        #expect(chain.send("ab") == ["0 bytes ab"])
        #expect(chain.end() == ["0 end"])
    }

    @Test func theTerminalsAnswersAreIgnored() throws {
        let chain = try Chain(1) { $0.hasPrefix("1") ? .pause : .proceed }
        #expect(chain.journal.take() == ["0 new", "1 new"])
        #expect(chain.send("a") == ["0 bytes a", "1 bytes a"])
        #expect(chain.send("b") == ["0 bytes b", "1 bytes b"])
    }

    // MARK: Pause

    @Test func aPauseAtTheStartHoldsTheFiltersBehind() throws {
        let chain = try Chain(2) { $0 == "0 new" ? .pause : .proceed }
        #expect(chain.journal.take() == ["0 new"])
        #expect(chain.send("ab") == [], "nothing is read")
        #expect(chain.downstream?.connection.isReadingPaused == true)
        chain.journal.filters[0]?.resume()
        #expect(chain.journal.take() == ["1 new", "2 new"])
        #expect(chain.settle() == ["0 bytes ab", "1 bytes ab", "2 bytes ab"])
    }

    @Test func twoPausesAtTheStartAreResumedOneByOne() throws {
        let chain = try Chain(2) { $0.hasSuffix("new") && !$0.hasPrefix("2") ? .pause : .proceed }
        #expect(chain.journal.take() == ["0 new"])
        chain.journal.filters[0]?.resume()
        #expect(chain.journal.take() == ["1 new"])
        #expect(chain.send("ab") == [])
        chain.journal.filters[1]?.resume()
        #expect(chain.journal.take() == ["2 new"])
        #expect(chain.settle() == ["0 bytes ab", "1 bytes ab", "2 bytes ab"])
    }

    @Test func pausedBytesGoOnAtResumeAndReadingAfterThem() throws {
        let chain = try Chain(2) { $0 == "1 bytes ab" ? .pause : .proceed }
        _ = chain.journal.take()
        #expect(chain.send("ab") == ["0 bytes ab", "1 bytes ab"])
        #expect(chain.send("cd") == [])
        chain.journal.filters[1]?.resume()
        #expect(chain.journal.take() == ["2 bytes ab"])
        #expect(chain.settle() == ["0 bytes cd", "1 bytes cd", "2 bytes cd"])
    }

    @Test func aPausedEndOfStreamGoesOnAtResume() throws {
        let chain = try Chain(1) { $0 == "0 end" ? .pause : .proceed }
        _ = chain.journal.take()
        #expect(chain.send("ab") == ["0 bytes ab", "1 bytes ab"])
        #expect(chain.end() == ["0 end"])
        chain.journal.filters[0]?.resume()
        #expect(chain.journal.take() == ["1 end"])
    }

    @Test func resumeWithoutAPauseDoesNothing() throws {
        let chain = try Chain(1)
        _ = chain.journal.take()
        chain.journal.filters[0]?.resume()
        #expect(chain.journal.take() == [])
        #expect(chain.send("a") == ["0 bytes a", "1 bytes a"])
    }

    @Test func aResumedPieceMayBePausedAgainFurtherDown() throws {
        let chain = try Chain(2) { $0 == "0 bytes ab" || $0 == "1 bytes ab" ? .pause : .proceed }
        _ = chain.journal.take()
        #expect(chain.send("ab") == ["0 bytes ab"])
        chain.journal.filters[0]?.resume()
        #expect(chain.journal.take() == ["1 bytes ab"])
        #expect(chain.downstream?.connection.isReadingPaused == true, "the second filter's pause counts")
        #expect(chain.send("cd") == [])
        chain.journal.filters[1]?.resume()
        #expect(chain.journal.take() == ["2 bytes ab"])
        #expect(chain.settle() == ["0 bytes cd", "1 bytes cd", "2 bytes cd"])
    }

    // MARK: Hold

    @Test func aHoldingFilterSeesMoreAndTheOthersGetAllAtOnce() throws {
        let chain = try Chain(1) { ["0 bytes GE", "0 bytes T "].contains($0) ? .hold : .proceed }
        _ = chain.journal.take()
        #expect(chain.send("GE") == ["0 bytes GE"])
        #expect(chain.send("T ") == ["0 bytes T "])
        #expect(chain.send("/x") == ["0 bytes /x", "1 bytes GET ", "1 bytes /x"])
        #expect(chain.send("yz") == ["0 bytes yz", "1 bytes yz"])
    }

    @Test func aHoldIsDecidedByTheEndOfTheStream() throws {
        let chain = try Chain(1) { $0 == "0 bytes a" ? .hold : .proceed }
        _ = chain.journal.take()
        #expect(chain.send("a") == ["0 bytes a"])
        #expect(chain.end() == ["0 end", "1 bytes a", "1 end"])
    }

    @Test func aHoldAtTheStartIsDecidedByTheFirstBytes() throws {
        let chain = try Chain(1) { $0 == "0 new" ? .hold : .proceed }
        #expect(chain.journal.take() == ["0 new"])
        #expect(chain.send("a") == ["0 bytes a", "1 new", "1 bytes a"])
    }

    @Test func whatIsHeldIsBounded() throws {
        let chain = try Chain(1, bufferLimitBytes: 8192) { $0.hasPrefix("0 bytes") ? .hold : .proceed }
        _ = chain.journal.take()
        ConnectionBench.writeAll(chain.client, [UInt8](repeating: 1, count: 60_000))
        let seen = chain.settle()
        #expect(seen == ["0 bytes #8192", "0 bytes #8192"], "one read over the limit, then a pause")
        chain.journal.answer = { _ in .proceed }
        chain.journal.filters[0]?.resume()
        let rest = chain.settle()
        var passed = 0
        for line in rest where line.hasPrefix("1 bytes #") { passed += Int(line.dropFirst("1 bytes #".count)) ?? 0 }
        #expect(chain.bench.turn { chain.downstream?.connection.bytesRead == 60_000 })
        for line in chain.journal.take() where line.hasPrefix("1 bytes #") {
            passed += Int(line.dropFirst("1 bytes #".count)) ?? 0
        }
        #expect(passed == 60_000, "nothing held was lost")
    }

    // MARK: Closing

    @Test func allFiltersHearTheEndOnce() throws {
        let chain = try Chain(2)
        _ = chain.journal.take()
        chain.downstream?.close(.now, details: "why")
        #expect(chain.journal.take() == ["0 closed local", "1 closed local", "2 closed local"])
        #expect(chain.downstream == nil)
        #expect(chain.settle() == [])
        #expect(chain.bench.worker.connections.count == 0)
    }

    @Test func aCloseInTheMiddleStopsTheChain() throws {
        let chain = try Chain(2)
        _ = chain.journal.take()
        chain.journal.answer = { line in
            if line == "1 bytes ab" { chain.downstream?.close(.now) }
            return .proceed
        }
        #expect(
            chain.send("ab") == ["0 bytes ab", "1 bytes ab", "0 closed local", "1 closed local", "2 closed local"])
    }

    @Test func aCloseInTheFirstStepKeepsTheLaterFiltersInTheDark() throws {
        let bench = WorkerBench()
        let journal = FilterJournal()
        let (leading, terminal) = journal.chain(1)
        let listener = try bench.listener(leading: leading, terminal: terminal)
        journal.answer = { line in
            if line == "0 new" { bench.worker.connections.all().first?.close(.now) }
            return .proceed
        }
        let client = bench.accept(on: listener)
        defer { close(client) }
        #expect(journal.take() == ["0 new", "0 closed local", "1 closed local"])
        #expect(bench.worker.connections.count == 0 && bench.shared.connectionCount == 0)
    }

    @Test func aCloseDuringResumeEndsThePassing() throws {
        let chain = try Chain(1) { $0 == "0 bytes ab" ? .pause : .proceed }
        _ = chain.journal.take()
        #expect(chain.send("ab") == ["0 bytes ab"])
        chain.journal.answer = { line in
            if line == "1 bytes ab" { chain.downstream?.close(.now) }
            return .proceed
        }
        chain.journal.filters[0]?.resume()
        #expect(chain.journal.take() == ["1 bytes ab", "0 closed local", "1 closed local"])
        #expect(chain.settle() == [])
    }

    @Test func thePeersResetIsTold() throws {
        let chain = try Chain(1)
        _ = chain.journal.take()
        // Unread bytes at close make a Unix socket end as with RST.
        Array("x".utf8).withUnsafeBytes { chain.downstream?.write($0) }
        chain.closeClient()
        #expect(chain.settle() == ["0 closed remoteReset", "1 closed remoteReset"])
    }

    // MARK: Towards the client

    @Test func writesPassTheFiltersBackwards() throws {
        let chain = try Chain(2, filtersWrites: true)
        _ = chain.journal.take()
        Array("yo".utf8).withUnsafeBytes { chain.downstream?.write($0) }
        #expect(chain.journal.take() == ["1 write yo", "0 write yo"])
        #expect(ConnectionBench.readAvailable(chain.client).bytes == Array("yo".utf8))
    }

    @Test func chainsThatDoNotFilterWritesAreNotAsked() throws {
        let chain = try Chain(2)
        _ = chain.journal.take()
        Array("yo".utf8).withUnsafeBytes { chain.downstream?.write($0) }
        #expect(chain.journal.take() == [])
        #expect(ConnectionBench.readAvailable(chain.client).bytes == Array("yo".utf8))
    }

    @Test func aCloseInAWriteFilterDropsTheBytes() throws {
        let chain = try Chain(2, filtersWrites: true)
        _ = chain.journal.take()
        chain.journal.answer = { line in
            if line == "1 write yo" { chain.downstream?.close(.now) }
            return .proceed
        }
        Array("yo".utf8).withUnsafeBytes { chain.downstream?.write($0) }
        #expect(chain.journal.take().prefix(2) == ["1 write yo", "0 closed local"])
        let (bytes, ended) = ConnectionBench.readAvailable(chain.client)
        #expect(bytes.isEmpty && ended)
    }

    @Test func watermarksAndDrainAreForTheTerminal() throws {
        let chain = try Chain(1, bufferLimitBytes: 4096)
        _ = chain.journal.take()
        chain.bench.worker.drainConnections(DrainPlan(start: chain.bench.loop.now, durationMS: 1, strategy: .immediate))
        #expect(chain.journal.take() == ["1 drain"])
        let bytes = [UInt8](repeating: 1, count: 2 << 20)
        bytes.withUnsafeBytes { chain.downstream?.write($0) }
        #expect(chain.journal.take() == ["1 high"])
        #expect(
            chain.bench.turn {
                _ = ConnectionBench.readAvailable(chain.client)
                return chain.downstream?.connection.outputCount == 0
            })
        #expect(chain.journal.take() == ["1 low"])
    }

    // MARK: Account

    @Test func connectionsAreCountedInAndOut() throws {
        let chain = try Chain(0)
        let stats = chain.listener.stats
        #expect(stats.value(.connectionsTotal) == 1 && stats.value(.connectionsActive) == 1)
        #expect(chain.listener.spec.limits.openCount == 1 && chain.bench.shared.connectionCount == 1)
        let downstream = try #require(chain.downstream)
        _ = chain.send("12345")
        chain.closeClient()
        _ = chain.settle()
        downstream.close(.now)
        #expect(stats.value(.connectionsActive) == 0 && stats.value(.connectionsDestroy) == 1)
        #expect(chain.listener.spec.limits.openCount == 0 && chain.bench.globalLimits.openCount == 0)
        #expect(chain.bench.shared.connectionCount == 0 && downstream.info.bytesReceived == 5)
    }

    @Test func overTheLimitConnectionsAreRefused() throws {
        let bench = WorkerBench()
        let journal = FilterJournal()
        let listener = try bench.listener(terminal: journal.chain(0).1, limits: ConnectionLimits(limit: 1))
        let first = bench.accept(on: listener)
        let second = bench.accept(on: listener)
        defer {
            close(first)
            close(second)
        }
        #expect(listener.stats.value(.overflow) == 1 && bench.worker.connections.count == 1)
        #expect(ConnectionBench.readAvailable(second).ended)
        bench.globalLimits.set(limit: 1)
        listener.spec.limits.set(limit: 5)
        let third = bench.accept(on: listener)
        defer { close(third) }
        #expect(listener.stats.value(.globalOverflow) == 1 && listener.spec.limits.openCount == 1)
        #expect(bench.globalLimits.openCount == 1)
    }
}
