// The header map against a plain array of pairs, its limits, its block, and the table of known names.

import HTTPCodec
import Testing

@Suite struct HeaderMapTests {
    /// `#expect` cannot take apart expressions over values that are not copyable.
    private func check(_ holds: Bool, at location: SourceLocation = #_sourceLocation) {
        #expect(holds, sourceLocation: location)
    }

    private func find(_ name: [UInt8]) -> HeaderName { HeaderName.find(name.span) }

    private func refusal(_ body: () throws(HeaderMap.Refusal) -> Void) -> HeaderMap.Refusal? {
        do { try body() } catch { return error }
        return nil
    }

    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func everyKnownNameIsFoundInAnyCaseAndOnlyExactly() {
        for raw in 1...UInt8(HeaderName.knownCount) {
            let name = HeaderName(rawValue: raw)
            let text = name.text
            #expect(find(bytes(text)) == name)
            #expect(find(bytes(text.uppercased())) == name)
            #expect(find(bytes(text + "x")) != name)
            #expect(find(bytes(String(text.dropLast()))) != name)
            for index in 0..<text.utf8.count {
                for replacement in [UInt8(0x5e), 0x5f, 0x71, 0x7e, 0x30] {
                    var changed = bytes(text)
                    guard changed[index] != replacement else { continue }
                    changed[index] = replacement
                    #expect(find(changed) != name, "\(text) \(index)")
                }
            }
        }
    }

    @Test func keepsOrderLowersNamesAndFinds() throws {
        var map = HeaderMap()
        try map.append(name: bytes("Content-Type").span, value: bytes("text/plain").span)
        try map.append(name: bytes("X-Mine").span, value: bytes("1").span)
        try map.append(.setCookie, bytes("a=1").span)
        try map.append(name: bytes("SET-COOKIE").span, value: bytes("b=2").span)
        try map.append(name: bytes("x-mine").span, value: bytes("").span)
        check(
            (0..<map.count).map { map.text(at: $0).name } == [
                "content-type", "x-mine", "set-cookie", "set-cookie", "x-mine",
            ])
        check((0..<map.count).map { map.text(at: $0).value } == ["text/plain", "1", "a=1", "b=2", ""])
        check(map.firstIndex(of: .setCookie) == 2)
        check(map.firstIndex(of: .setCookie, from: 3) == 3)
        check(map.firstIndex(of: .cookie) == nil)
        check(map.firstIndex(ofName: bytes("X-MINE").span) == 1)
        check(map.firstIndex(ofName: bytes("x-mine").span, from: 2) == 4)
        check(map.firstIndex(ofName: bytes("x-other").span) == nil)
        check(map.value(at: 0, is: "text/plain"))
        try map.set(.setCookie, bytes("a longer value than before").span)
        check((0..<map.count).map { map.text(at: $0).value } == ["text/plain", "1", "a longer value than before", ""])
        check(map.remove(.setCookie) == 1)
        check(!map.contains(.setCookie))
        check(map.remove(.setCookie) == 0)
        map.removeAll()
        check(map.count == 0 && map.countedBytes == 0 && !map.contains(.contentType))
    }

    @Test func limitsRefuseAndChangeNothing() throws {
        var map = HeaderMap(maxCount: 2, maxBytes: 120)
        try map.append(.server, bytes("x").span)
        let long = [UInt8](repeating: 0x61, count: 100)
        let appended = refusal { () throws(HeaderMap.Refusal) in try map.append(.date, long.span) }
        #expect(appended == .tooLarge(limit: 120))
        let replaced = refusal { () throws(HeaderMap.Refusal) in try map.replaceValue(at: 0, long.span) }
        #expect(replaced == .tooLarge(limit: 120))
        try map.append(.date, bytes("y").span)
        let third = refusal { () throws(HeaderMap.Refusal) in try map.append(.age, long.span) }
        #expect(third == .tooMany(limit: 2))
        check(map.count == 2 && map.countedBytes == 32 + 6 + 1 + 32 + 4 + 1)
        check(map.text(of: .server) == "x" && map.text(of: .date) == "y")
    }

    @Test func randomChangesMatchAnArrayOfPairs() throws {
        var random = SplitMix(state: 9110)
        for _ in 0..<200 {
            var map = HeaderMap(maxCount: 60, maxBytes: 6000)
            var model: [(name: String, value: String)] = []
            for _ in 0..<120 {
                let known = HeaderName(rawValue: UInt8(random.next() % UInt64(HeaderName.knownCount)) + 1)
                let name = random.next() % 2 == 0 ? known.text : "X-\(random.next() % 7)"
                let value = String(repeating: "v", count: Int(random.next() % 60))
                switch random.next() % 8 {
                case 0 where !model.isEmpty:
                    let index = Int(random.next() % UInt64(model.count))
                    map.remove(at: index)
                    model.remove(at: index)
                case 1:
                    check(map.remove(known) == model.filter { $0.name == known.text }.count)
                    model.removeAll { $0.name == known.text }
                case 2 where !model.isEmpty:
                    let index = Int(random.next() % UInt64(model.count))
                    if (try? map.replaceValue(at: index, bytes(value).span)) != nil { model[index].value = value }
                default:
                    if (try? map.append(name: bytes(name).span, value: bytes(value).span)) != nil {
                        model.append((name.lowercased(), value))
                    }
                }
                check(map.count == model.count)
                check(map.countedBytes == model.reduce(0) { $0 + 32 + $1.name.utf8.count + $1.value.utf8.count })
            }
            for (index, pair) in model.enumerated() {
                check(map.text(at: index) == pair)
                check(map.firstIndex(ofName: bytes(pair.name).span) == model.firstIndex { $0.name == pair.name })
            }
        }
    }

    @Test func theBlockIsKeptForTheNextMessage() throws {
        var map = HeaderMap()
        for _ in 0..<100 {
            for raw in 1...UInt8(8) { try map.append(HeaderName(rawValue: raw), bytes("some value").span) }
            check(map.allocatedBytes == 1024)
            map.removeAll()
        }
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
