import ConfigAPI
import Core
import SwiftProtobuf
import Testing

@Suite struct RE2RegexTests {
    @Test func fullMatchWantsAllOfTheText() throws {
        let regex = try RE2Regex("a+b")
        #expect(regex.fullMatch("aab"))
        #expect(!regex.fullMatch("aabc"))
        #expect(!regex.fullMatch("xaab"))
        #expect(!regex.fullMatch(""))
    }

    @Test func partialMatchFindsItAnywhere() throws {
        let regex = try RE2Regex("a+b")
        #expect(regex.partialMatch("xxaabyy"))
        #expect(!regex.partialMatch("xxaayy"))
    }

    @Test func emptyPatternAndEmptyText() throws {
        let regex = try RE2Regex("")
        #expect(regex.fullMatch(""))
        #expect(!regex.fullMatch("a"))
        #expect(regex.partialMatch("a"))
        #expect(regex.groups("") == [0..<0])
        let matchesNoBytes = try RE2Regex("a*").fullMatch([UInt8]().span)
        #expect(matchesNoBytes)
    }

    @Test func groupsAreByteRanges() throws {
        let regex = try RE2Regex("(ü)(x)?-(\\d+)")
        #expect(regex.groupCount == 3)
        let found = try #require(regex.groups("..ü-42."))
        #expect(found == [2..<7, 2..<4, nil, 5..<7])
        #expect(regex.groups("nothing") == nil)
    }

    @Test func groupsBeyondTheLimitAreLeftOut() throws {
        let regex = try RE2Regex(String(repeating: "(a)", count: 20))
        let found = try #require(regex.groups(String(repeating: "a", count: 20)))
        #expect(found.count == 1 + RE2Regex.maxGroups)
        #expect(found[15] == 14..<15)
    }

    @Test(arguments: ["(", "[z-a]", "a{1001}", "(?<", "\\1", "(?=a)"])
    func badPatternSaysWhy(pattern: String) {
        do {
            _ = try RE2Regex(pattern)
            Issue.record("\(pattern) compiled.")
        } catch {
            #expect(error.pattern == pattern)
            #expect(!error.reason.isEmpty)
        }
    }

    @Test func nestedRepeatsStayLinear() throws {
        // Exponential for a backtracking engine; RE2 answers at once.
        let regex = try RE2Regex("(a+)+$b")
        #expect(!regex.fullMatch(String(repeating: "a", count: 50_000)))
    }

    @Test func bytesThatAreNoTextAreAnswered() throws {
        let regex = try RE2Regex("a.*")
        let bytes: [UInt8] = [0x61, 0xFF, 0x00, 0xC3]
        let finds = regex.partialMatch(bytes.span)
        let findsOther = try RE2Regex("b").partialMatch(bytes.span)
        #expect(finds && !findsOther)
    }

    @Test func programSizeLimitOfTheMessageIsHonoured() {
        var message = Envoy_Type_Matcher_V3_RegexMatcher()
        message.regex = "[a-z]{50}[0-9]{50}"
        #expect(throws: Never.self) { _ = try RE2Regex(message) }
        message.googleRe2.maxProgramSize.value = 3
        do {
            _ = try RE2Regex(message)
            Issue.record("Above the limit, yet compiled.")
        } catch {
            #expect(error.problems.map(\.path) == ["google_re2.max_program_size"])
        }
    }

    @Test func oneRegexServesManyThreads() async throws {
        let regex = try RE2Regex("x([0-9]+)y")
        let wrong = await withTaskGroup(of: Int.self) { group in
            for seed in 0..<8 {
                group.addTask {
                    (0..<500).count { number in
                        regex.fullMatch("x\(number * 8 + seed)y") == false || regex.fullMatch("x\(number)z")
                    }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(wrong == 0)
    }
}
