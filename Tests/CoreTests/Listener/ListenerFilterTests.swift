import Glibc
import Testing

@testable import Core

/// What happens before the first network filter.
@Suite struct ListenerFilterTests {
    /// `@unchecked Sendable`: tests use it on one thread.
    final class Script: @unchecked Sendable {
        var lines: [String] = []
        var answer: (String) -> ListenerFilterStatus = { _ in .proceed }
    }

    struct Config: ListenerFilterConfig {
        let script: Script
        func makeFactory(on worker: Worker) -> ListenerFilterFactory { Factory(script) }
    }

    final class Factory: ListenerFilterFactory {
        let script: Script
        init(_ script: Script) {
            self.script = script
            super.init()
        }
        override func makeFilter() -> ListenerFilter { Filter(script) }
    }

    final class Filter: ListenerFilter {
        let script: Script
        init(_ script: Script) {
            self.script = script
            super.init()
        }
        override var maxInspectedBytes: Int { 64 }
        override func onAccept(_ connection: PendingConnection) -> ListenerFilterStatus {
            script.lines.append("accept")
            return script.answer("accept")
        }
        override func onPeek(_ connection: PendingConnection, _ bytes: UnsafeRawBufferPointer) -> ListenerFilterStatus {
            let line = "peek \(String(decoding: bytes, as: UTF8.self))"
            script.lines.append(line)
            return script.answer(line)
        }
    }

    final class Bench {
        let worker = WorkerBench()
        let script = Script()
        let journal = FilterJournal()
        let listener: ActiveListener
        let client: Int32

        init(filters: Int = 1, timeoutMS: Int64 = 0, _ answer: @escaping (String) -> ListenerFilterStatus) throws {
            script.answer = answer
            let config = Config(script: script)
            listener = try worker.listener(
                terminal: journal.chain(0).1, listenerFilters: Array(repeating: config, count: filters),
                filtersTimeoutMS: timeoutMS)
            client = worker.accept(on: listener)
        }

        deinit { close(client) }

        func send(_ text: String) {
            ConnectionBench.writeAll(client, Array(text.utf8))
            settle()
        }

        func settle() { for _ in 0..<4 { worker.loop.turn(mayWait: false) } }

        var isAccountedFor: Bool {
            listener.stats.value(.preConnectionActive) == 0 && listener.stats.value(.connectionsActive) == 0
                && listener.spec.limits.openCount == 0 && worker.shared.connectionCount == 0
        }
    }

    @Test func filtersThatNeedNothingLetTheConnectionThrough() throws {
        let bench = try Bench(filters: 2) { _ in .proceed }
        #expect(bench.script.lines == ["accept", "accept"] && bench.journal.lines == ["0 new"])
        #expect(bench.listener.stats.value(.preConnectionActive) == 0)
    }

    @Test func peekedBytesStayForTheFilters() throws {
        let bench = try Bench { $0 == "accept" || $0 == "peek ab" ? .hold : .proceed }
        #expect(bench.journal.lines.isEmpty && bench.listener.stats.value(.preConnectionActive) == 1)
        bench.send("ab")
        let peeks = bench.script.lines.count
        bench.settle()
        #expect(bench.script.lines.count == peeks, "no spinning over bytes already seen")
        bench.send("cd")
        bench.settle()
        #expect(bench.script.lines == ["accept", "peek ab", "peek abcd"])
        #expect(bench.journal.lines == ["0 new", "0 bytes abcd"])
    }

    @Test func consumedBytesAreGone() throws {
        let bench = try Bench { $0 == "accept" ? .hold : .consume(2) }
        bench.send("abcd")
        bench.settle()
        #expect(bench.journal.lines == ["0 new", "0 bytes cd"])
    }

    @Test func aRefusalClosesAndCounts() throws {
        let bench = try Bench { $0 == "accept" ? .hold : .refuse(details: "no") }
        bench.send("x")
        #expect(bench.listener.stats.value(.listenerFilterError) == 1 && bench.journal.lines.isEmpty)
        #expect(bench.isAccountedFor)
    }

    @Test func aClientThatLeavesIsForgotten() throws {
        let bench = try Bench { _ in .hold }
        shutdown(bench.client, Int32(SHUT_RDWR))
        bench.settle()
        #expect(bench.listener.stats.value(.listenerFilterRemoteClose) == 1 && bench.isAccountedFor)
    }

    @Test func aSilentClientIsClosedWhenItsTimeIsUp() throws {
        let bench = try Bench(timeoutMS: 20) { _ in .hold }
        #expect(bench.worker.turn { bench.listener.stats.value(.preConnectionTimeout) == 1 })
        #expect(bench.isAccountedFor && bench.journal.lines.isEmpty)
        #expect(ConnectionBench.readAvailable(bench.client).ended)
    }

    @Test func aStoppedListenerLetsGoOfWhatItStillLooksAt() throws {
        let bench = try Bench(timeoutMS: 60_000) { _ in .hold }
        bench.worker.worker.stopListeners()
        bench.settle()
        #expect(bench.isAccountedFor)
        #expect(ConnectionBench.readAvailable(bench.client).ended)
    }
}
