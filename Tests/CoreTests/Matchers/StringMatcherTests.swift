import ConfigAPI
import Core
import Testing

@Suite struct StringMatcherTests {
    struct Case: Sendable, CustomStringConvertible {
        var pattern: StringMatcher.Pattern
        var ignoresCase = false
        var yes: [String]
        var no: [String]
        var description: String { "\(pattern) \(ignoresCase)" }
    }

    static let cases: [Case] = [
        Case(pattern: .exact("abc"), yes: ["abc"], no: ["", "ab", "abcd", "ABC", "xabc"]),
        Case(pattern: .exact(""), yes: [""], no: ["a"]),
        Case(pattern: .exact("aBc"), ignoresCase: true, yes: ["abc", "ABC", "aBc"], no: ["abd", "abcc"]),
        Case(pattern: .prefix("ab"), yes: ["ab", "abc"], no: ["", "a", "Ab", "xab"]),
        Case(pattern: .prefix("Ab"), ignoresCase: true, yes: ["ab", "ABC"], no: ["a", "b"]),
        Case(pattern: .suffix("bc"), yes: ["bc", "abc"], no: ["", "c", "abcd", "aBC"]),
        Case(pattern: .suffix("BC"), ignoresCase: true, yes: ["bc", "aBc"], no: ["c", "abcd"]),
        Case(pattern: .contains("bb"), yes: ["bb", "abbc", "xbb", "bbx"], no: ["", "b", "aBb", "bab"]),
        Case(pattern: .contains("bB"), ignoresCase: true, yes: ["bb", "aBBc", "xxbb"], no: ["b", "bab"]),
        // Only ASCII letters fold: the bytes next to A–Z and the bytes of other scripts stay.
        Case(pattern: .exact("@[`{É"), ignoresCase: true, yes: ["@[`{É"], no: ["`[`{É", "@{`{É", "@[`{é"]),
    ]

    @Test(arguments: cases) func matchesAsItsShapeSays(one: Case) {
        let matcher = StringMatcher(one.pattern, ignoresCase: one.ignoresCase)
        for text in one.yes { #expect(matcher.matches(text), "\(text)") }
        for text in one.no { #expect(!matcher.matches(text), "\(text)") }
        for text in one.yes {
            let matchesBytes = matcher.matches(Array(text.utf8).span)
            #expect(matchesBytes, "\(text)")
        }
    }

    @Test func regexMatchesTheWholeAndIgnoresIgnoreCase() throws {
        let matcher = StringMatcher(.regex(try RE2Regex("a.c")), ignoresCase: true)
        #expect(matcher.matches("abc"))
        #expect(!matcher.matches("ABC"))
        #expect(!matcher.matches("xabc"))
    }

    @Test func messagesCompile() throws {
        var message = Envoy_Type_Matcher_V3_StringMatcher()
        message.suffix = ".Example.com"
        message.ignoreCase = true
        #expect(try StringMatcher(message).matches("www.eXample.com"))
        message.safeRegex.regex = "w+\\.x"
        #expect(try StringMatcher(message).matches("www.x"))
    }

    @Test func badMessagesSayWhere() {
        func problem(_ edit: (inout Envoy_Type_Matcher_V3_StringMatcher) -> Void) -> [String] {
            var message = Envoy_Type_Matcher_V3_StringMatcher()
            edit(&message)
            do {
                _ = try StringMatcher(message)
                return []
            } catch {
                return error.problems.map(\.path)
            }
        }
        #expect(problem { _ in } == [""])
        #expect(problem { $0.prefix = "" } == ["prefix"])
        #expect(problem { $0.suffix = "" } == ["suffix"])
        #expect(problem { $0.contains = "" } == ["contains"])
        #expect(problem { $0.exact = "" } == [])
        #expect(problem { $0.safeRegex.regex = "(" } == ["safe_regex.regex"])
        #expect(problem { $0.safeRegex.regex = "" } == ["safe_regex.regex"])
    }
}
