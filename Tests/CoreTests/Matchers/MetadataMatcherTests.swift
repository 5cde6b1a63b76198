import ConfigAPI
import Core
import SwiftProtobuf
import Testing

@Suite struct MetadataMatcherTests {
    static let metadata = Metadata(filterMetadata: [
        "envoy.lb": .object([
            "version": .string("v1"), "weight": .number(2.5), "canary": .bool(true), "nothing": .null,
            "stages": .list([.string("a"), .number(1)]), "deep": .object(["inner": .string("x")]),
        ])
    ])

    func holds(_ path: [String], _ value: ValueMatcher, inverts: Bool = false) -> Bool {
        MetadataMatcher(filter: "envoy.lb", path: path, value: value, inverts: inverts).matches(Self.metadata)
    }

    @Test func eachKindMatchesItsOwn() {
        #expect(holds(["version"], .string(StringMatcher(.prefix("v")))))
        #expect(!holds(["version"], .string(StringMatcher(.exact("v2")))))
        #expect(!holds(["weight"], .string(StringMatcher(.prefix("2")))))
        #expect(holds(["weight"], .double(.range(start: 2.5, end: 3))))
        #expect(!holds(["weight"], .double(.range(start: 2, end: 2.5))))
        #expect(holds(["weight"], .double(.exact(2.5))))
        #expect(holds(["canary"], .bool(true)))
        #expect(!holds(["canary"], .bool(false)))
        #expect(holds(["nothing"], .null))
        #expect(!holds(["version"], .null))
        #expect(holds(["deep", "inner"], .string(StringMatcher(.exact("x")))))
    }

    @Test func presenceIsOfTheValue() {
        #expect(holds(["version"], .present(true)))
        #expect(!holds(["version"], .present(false)))
        #expect(!holds(["absent"], .present(true)))
        #expect(holds(["absent"], .present(false)))
        // A path through something that is not a structure leads nowhere.
        #expect(!holds(["version", "x"], .present(true)))
        // Nothing but presence holds for what is absent.
        #expect(!holds(["absent"], .null))
        #expect(!holds(["absent"], .bool(false)))
    }

    @Test func listsMatchByOneElement() {
        #expect(holds(["stages"], .listHasOne(.double(.exact(1)))))
        #expect(!holds(["stages"], .listHasOne(.string(StringMatcher(.exact("b"))))))
        #expect(!holds(["version"], .listHasOne(.present(true))))
        #expect(holds(["stages"], .any([.bool(true), .listHasOne(.string(StringMatcher(.exact("a"))))])))
    }

    @Test func invertTurnsTheAnswer() {
        #expect(!holds(["version"], .present(true), inverts: true))
        #expect(holds(["absent"], .bool(true), inverts: true))
    }

    @Test func settingAKeyKeepsTheOthers() {
        var map = Self.metadata
        map.set("envoy.lb", key: "version", to: .string("v2"))
        map.set("other", key: "k", to: .bool(false))
        #expect(map.value(filter: "envoy.lb", path: ["version"]) == .string("v2"))
        #expect(map.value(filter: "envoy.lb", path: ["canary"]) == .bool(true))
        #expect(map.value(filter: "other", path: ["k"]) == .bool(false))
        #expect(map.value(filter: "absent", path: ["k"]) == nil)
    }

    @Test func messagesCompile() throws {
        var message = Envoy_Type_Matcher_V3_MetadataMatcher()
        message.filter = "envoy.lb"
        message.path = [.with { $0.key = "stages" }]
        message.value.listMatch.oneOf.stringMatch.exact = "a"
        #expect(try MetadataMatcher(message).matches(Self.metadata))
        message.invert = true
        #expect(try !MetadataMatcher(message).matches(Self.metadata))
    }

    @Test func badMessagesNameEveryProblem() {
        func paths(_ edit: (inout Envoy_Type_Matcher_V3_MetadataMatcher) -> Void) -> [String] {
            var message = Envoy_Type_Matcher_V3_MetadataMatcher()
            edit(&message)
            do {
                _ = try MetadataMatcher(message)
                return []
            } catch {
                return error.problems.map(\.path)
            }
        }
        #expect(paths { _ in } == ["filter", "path", "value"])
        let or = paths {
            $0.filter = "f"
            $0.path = [.with { $0.key = "k" }]
            $0.value.orMatch.valueMatchers = [.with { $0.stringMatch.safeRegex.regex = "[" }]
        }
        #expect(
            or == ["value.or_match.value_matchers", "value.or_match.value_matchers[0].string_match.safe_regex.regex"])
    }

    @Test func structsBecomeValues() {
        let message = Google_Protobuf_Value.with {
            $0.structValue.fields = [
                "a": 1,
                "b": .with { $0.listValue.values = ["x", true, nil] },
                "c": .with { $0.structValue.fields = ["d": "e"] },
            ]
        }
        #expect(
            MetadataValue(message)
                == .object([
                    "a": .number(1), "b": .list([.string("x"), .bool(true), .null]), "c": .object(["d": .string("e")]),
                ]))
    }
}
