// Network filters that note what they see and answer as the test says.

@testable import Core

/// What the filters of one chain saw, in order, and what they answer.
///
/// `@unchecked Sendable`: tests use it on one thread.
final class FilterJournal: @unchecked Sendable {
    var lines: [String] = []
    /// Asked with the same words that are noted, such as "1 bytes abc".
    var answer: (String) -> FilterStatus = { _ in .proceed }
    /// The filters made so far, by position.
    var filters: [Int: ScriptedFilter] = [:]

    func note(_ line: String) -> FilterStatus {
        lines.append(line)
        return answer(line)
    }

    /// The lines since the last call.
    func take() -> [String] {
        defer { lines = [] }
        return lines
    }

    /// Filters 0 … count−1 before a terminal one, number `count`.
    func chain(_ count: Int, filtersWrites: Bool = false) -> (leading: [ScriptedFilterConfig], ScriptedFilterConfig) {
        let all = (0...count).map {
            ScriptedFilterConfig(journal: self, position: $0, isTerminal: $0 == count, filtersWrites: filtersWrites)
        }
        return (Array(all.dropLast()), all[count])
    }
}

struct ScriptedFilterConfig: NetworkFilterConfig {
    let journal: FilterJournal
    let position: Int
    let isTerminal: Bool
    let filtersWrites: Bool

    func makeFactory(on worker: Worker) -> NetworkFilterFactory { ScriptedFilterFactory(self) }
}

final class ScriptedFilterFactory: NetworkFilterFactory {
    private let config: ScriptedFilterConfig

    init(_ config: ScriptedFilterConfig) {
        self.config = config
        super.init()
    }

    override var filtersWrites: Bool { config.filtersWrites && !config.isTerminal }

    override func makeFilter() -> NetworkFilter {
        let filter = ScriptedFilter(config)
        config.journal.filters[config.position] = filter
        return filter
    }
}

final class ScriptedFilter: NetworkFilter {
    private let journal: FilterJournal
    private let position: Int

    init(_ config: ScriptedFilterConfig) {
        journal = config.journal
        position = config.position
        super.init()
    }

    func resume() { downstream.resume(self) }

    override func onNewConnection() -> FilterStatus { journal.note("\(position) new") }
    override func onBytes(_ bytes: UnsafeRawBufferPointer) -> FilterStatus {
        journal.note(
            "\(position) bytes \(bytes.count > 20 ? "#\(bytes.count)" : String(decoding: bytes, as: UTF8.self))")
    }
    override func onEndOfStream() -> FilterStatus { journal.note("\(position) end") }
    override func onWrite(_ bytes: UnsafeRawBufferPointer) -> FilterStatus {
        journal.note("\(position) write \(String(decoding: bytes, as: UTF8.self))")
    }
    override func onDownstreamHigh() { _ = journal.note("\(position) high") }
    override func onDownstreamLow() { _ = journal.note("\(position) low") }
    override func onDrain() { _ = journal.note("\(position) drain") }
    override func onDownstreamClosed(_ end: ConnectionEnd) { _ = journal.note("\(position) closed \(end)") }
}
