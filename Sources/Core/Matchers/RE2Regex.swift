// Regular expressions as Envoy means them: RE2 syntax, time linear in the text, no backtracking.

import CRE2
import Glibc

/// Why a pattern was refused.
public struct RegexError: Error, Equatable, Sendable, CustomStringConvertible {
    public var pattern: String
    /// RE2's own words.
    public var reason: String

    public var description: String { "invalid regex \"\(pattern)\": \(reason)" }
}

/// A compiled RE2 pattern, shared by all threads.
///
/// - Cost: linear in the text. Matching allocates nothing on our side; RE2 keeps a bounded cache of its own.
/// - Limits: RE2 refuses a pattern whose program would exceed its memory budget (8 MiB).
//
// @unchecked: the handle is written once in `init` and freed once in `deinit`; in between RE2 documents that matching
// on a constant object is safe from any number of threads (its lazily built automaton is guarded inside).
public final class RE2Regex: @unchecked Sendable {
    private let handle: OpaquePointer
    public let pattern: String

    /// Capture groups beyond the whole match that ``groups(_:)`` reports.
    public static let maxGroups = 15

    public init(_ pattern: String) throws(RegexError) {
        var copy = pattern
        let made: Result<OpaquePointer, RegexError> = copy.withUTF8 { text in
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { message in
                message[0] = 0
                // An empty buffer may have no address; RE2 wants one even for no bytes.
                let made = text.withMemoryRebound(to: CChar.self) { bytes -> OpaquePointer? in
                    guard let base = bytes.baseAddress else {
                        return cre2_new("", 0, message.baseAddress, message.count)
                    }
                    return cre2_new(base, bytes.count, message.baseAddress, message.count)
                }
                if let made { return .success(made) }
                let reason = message.baseAddress.map { String(cString: $0) } ?? ""
                return .failure(RegexError(pattern: pattern, reason: reason))
            }
        }
        handle = try made.get()
        self.pattern = pattern
    }

    deinit { cre2_free(handle) }

    /// RE2's measure of the pattern's cost, in instructions.
    public var programSize: Int { Int(cre2_program_size(handle)) }

    public var groupCount: Int { Int(cre2_group_count(handle)) }

    /// Whether the pattern matches all of `text`.
    public func fullMatch(_ text: Span<UInt8>) -> Bool {
        text.withUnsafeBytes { bytes in
            withChars(bytes) { cre2_full_match(handle, $0, $1) }
        }
    }

    /// Whether the pattern matches anywhere in `text`.
    public func partialMatch(_ text: Span<UInt8>) -> Bool {
        text.withUnsafeBytes { bytes in
            withChars(bytes) { cre2_partial_match(handle, $0, $1) }
        }
    }

    public func fullMatch(_ text: String) -> Bool { fullMatch(text.utf8.span) }

    public func partialMatch(_ text: String) -> Bool { partialMatch(text.utf8.span) }

    /// The first match anywhere: the byte ranges of the whole match and of each group (nil: the group took no part),
    /// at most 1 + ``maxGroups``. Nil where nothing matches. For rewriting, not for the data path: it builds an array.
    public func groups(_ text: Span<UInt8>) -> [Range<Int>?]? {
        let wanted = 1 + min(groupCount, RE2Regex.maxGroups)
        return withUnsafeTemporaryAllocation(of: Int.self, capacity: 2 * wanted) { offsets in
            let found = text.withUnsafeBytes { bytes in
                withChars(bytes) { cre2_match_groups(handle, $0, $1, offsets.baseAddress, Int32(wanted)) }
            }
            guard found else { return nil }
            return (0..<wanted).map { group in
                let start = offsets[2 * group]
                return start < 0 ? nil : start..<offsets[2 * group + 1]
            }
        }
    }

    public func groups(_ text: String) -> [Range<Int>?]? { groups(text.utf8.span) }

    /// RE2 takes a null text for "no text" in group offsets, so that an empty one needs an address.
    private func withChars<Result>(
        _ bytes: UnsafeRawBufferPointer, _ body: (UnsafePointer<CChar>, Int) -> Result
    ) -> Result {
        guard let base = bytes.baseAddress else {
            var nothing: CChar = 0
            return withUnsafePointer(to: &nothing) { body($0, 0) }
        }
        return body(base.assumingMemoryBound(to: CChar.self), bytes.count)
    }
}
