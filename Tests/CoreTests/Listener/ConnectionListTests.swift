import CoreBytes
import Glibc
import Testing

@testable import Core

@Suite struct ConnectionListTests {
    private let bench = WorkerBench()

    private func make(_ count: Int) throws -> [DownstreamConnection] {
        let listener = try bench.listener(terminal: FilterJournal().chain(0).1)
        let chain = ActiveFilterChain(listener.spec.chains[0], on: bench.worker)
        return (0..<count).map { _ in
            let (ours, theirs) = ConnectionBench.unixPair()
            close(theirs)
            return DownstreamConnection(
                fd: ours, listener: listener, chain: chain, info: StreamInfo(now: bench.loop.now))
        }
    }

    private func ids(_ list: borrowing ConnectionList) -> Set<ObjectIdentifier> {
        Set(list.all().map(ObjectIdentifier.init))
    }

    @Test func membersComeAndGoAnywhereInTheList() throws {
        let members = try make(5)
        var list = ConnectionList()
        for member in members { list.insert(member) }
        #expect(
            list.count == 5 && list.all().map(ObjectIdentifier.init) == members.reversed().map(ObjectIdentifier.init))
        for (removed, left) in [(2, [0, 1, 3, 4]), (4, [0, 1, 3]), (0, [1, 3]), (3, [1]), (1, [])] {
            list.remove(members[removed]).release()
            #expect(list.count == left.count && ids(list) == Set(left.map { ObjectIdentifier(members[$0]) }))
        }
        list.insert(members[2])
        #expect(list.all().count == 1 && list.all()[0] === members[2])
    }

    @Test func theListKeepsItsMembersAliveAndLetsGo() throws {
        var members = try make(2)
        weak let first = members[0]
        weak let second = members[1]
        do {
            var list = ConnectionList()
            for member in members { list.insert(member) }
            members = []
            #expect(first != nil && second != nil)
            if let first { list.remove(first).release() }
            #expect(first == nil && second != nil)
            #expect(list.count == 1)
        }
        #expect(second == nil, "the list's end lets go of the rest")
    }

    @Test func behavesAsASet() throws {
        let members = try make(40)
        var list = ConnectionList()
        var model: Set<Int> = []
        var random = FastRandom(seed: 3)
        for _ in 0..<2000 {
            let index = Int(random.next() % 40)
            if model.remove(index) != nil {
                list.remove(members[index]).release()
            } else {
                model.insert(index)
                list.insert(members[index])
            }
            let fits = list.count == model.count && ids(list) == Set(model.map { ObjectIdentifier(members[$0]) })
            #expect(fits)
            if !fits { return }
        }
    }
}
