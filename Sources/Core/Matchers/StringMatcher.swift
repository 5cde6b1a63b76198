// Envoy's StringMatcher over bytes: exact, prefix, suffix, contains or RE2, with ASCII case folding.

import Glibc

/// A compiled test of one string. Matching allocates nothing.
///
/// `ignoresCase` folds ASCII letters and has no effect on a regex, as in Envoy (a pattern says `(?i)` itself).
public struct StringMatcher: Sendable {
    public enum Pattern: Sendable {
        case exact(String)
        case prefix(String)
        case suffix(String)
        case contains(String)
        /// The whole string must match.
        case regex(RE2Regex)
    }

    private enum Shape: UInt8 { case exact, prefix, suffix, contains, regex }

    private let shape: Shape
    private let ignoresCase: Bool
    /// Already folded to lower case when `ignoresCase`.
    private let needle: [UInt8]
    private let regex: RE2Regex?

    public init(_ pattern: Pattern, ignoresCase: Bool = false) {
        self.ignoresCase = ignoresCase
        switch pattern {
        case .exact(let text): (shape, needle, regex) = (.exact, StringMatcher.fold(text, ignoresCase), nil)
        case .prefix(let text): (shape, needle, regex) = (.prefix, StringMatcher.fold(text, ignoresCase), nil)
        case .suffix(let text): (shape, needle, regex) = (.suffix, StringMatcher.fold(text, ignoresCase), nil)
        case .contains(let text): (shape, needle, regex) = (.contains, StringMatcher.fold(text, ignoresCase), nil)
        case .regex(let compiled): (shape, needle, regex) = (.regex, [], compiled)
        }
    }

    public func matches(_ text: String) -> Bool { matches(text.utf8.span) }

    public func matches(_ text: Span<UInt8>) -> Bool {
        if shape == .regex { return regex?.fullMatch(text) ?? false }
        let extra = text.count - needle.count
        guard extra >= 0 else { return false }
        return text.withUnsafeBufferPointer { hay in
            needle.withUnsafeBufferPointer { needle in
                switch shape {
                case .exact: extra == 0 && same(hay, at: 0, needle)
                case .prefix: same(hay, at: 0, needle)
                case .suffix: same(hay, at: extra, needle)
                case .contains: holds(hay, needle)
                case .regex: false
                }
            }
        }
    }

    private func same(_ hay: UnsafeBufferPointer<UInt8>, at start: Int, _ needle: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let hayBase = hay.baseAddress, let needleBase = needle.baseAddress, !needle.isEmpty else {
            return needle.isEmpty
        }
        if !ignoresCase { return memcmp(hayBase + start, needleBase, needle.count) == 0 }
        for index in 0..<needle.count where asciiLowercased(hay[start + index]) != needle[index] { return false }
        return true
    }

    private func holds(_ hay: UnsafeBufferPointer<UInt8>, _ needle: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let hayBase = hay.baseAddress, let needleBase = needle.baseAddress, !needle.isEmpty else {
            return needle.isEmpty
        }
        let last = hay.count - needle.count
        if ignoresCase {
            for start in 0...last where same(hay, at: start, needle) { return true }
            return false
        }
        // Jump from one candidate first byte to the next (Glibc's module has no memmem).
        var start = 0
        while start <= last, let hit = memchr(hayBase + start, Int32(needle[0]), last - start + 1) {
            start = UnsafeRawPointer(hit) - UnsafeRawPointer(hayBase)
            if memcmp(hayBase + start, needleBase, needle.count) == 0 { return true }
            start += 1
        }
        return false
    }

    private static func fold(_ text: String, _ ignoresCase: Bool) -> [UInt8] {
        ignoresCase ? text.utf8.map(asciiLowercased) : Array(text.utf8)
    }
}

/// A–Z become a–z; every other byte stays, so that UTF-8 is never torn.
@inline(__always)
func asciiLowercased(_ byte: UInt8) -> UInt8 {
    byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
}
