/// How tags are cut out of stat names: `cluster.foo.upstream_cx_total` is `cluster.upstream_cx_total` with the tag
/// `envoy.cluster_name` = `foo`.
///
/// Every rule looks at the whole name; what the rules take is removed at the end. The first rule of a tag name that
/// matches wins.
struct StatTagRules: Sendable {
    struct Rule: Sendable {
        let name: String
        let shape: Shape
        /// Cheap tests before the expensive one.
        let firstToken: String?
        let needle: [UInt8]?
    }

    enum Shape: Sendable {
        /// Tokens between dots: `*` is any one, `$` the value, `**` any number of them.
        case tokens([String])
        /// Group 1 is cut out, group 2 (or 1 where there is no second) is the value.
        case regex(RE2Regex)
    }

    private var byFirstToken: [String: [Int]] = [:]
    private var others: [Int] = []
    private var rules: [Rule] = []

    init() {}

    // MARK: Build

    static let standard: StatTagRules = {
        var all = StatTagRules()
        for rule in StatTagTable.rules { all.add(rule) }
        return all
    }()

    mutating func add(_ rule: Rule) {
        if let token = rule.firstToken {
            byFirstToken[token, default: []].append(rules.count)
        } else {
            others.append(rules.count)
        }
        rules.append(rule)
    }

    mutating func add(name: String, _ regex: RE2Regex) {
        add(Rule(name: name, shape: .regex(regex), firstToken: nil, needle: nil))
    }

    /// Adds the default rules of one tag; false when there are none. Already present ones are not added again.
    mutating func addStandard(named name: String) -> Bool {
        let found = StatTagTable.rules.filter { $0.name == name }
        if !rules.contains(where: { $0.name == name }) { for rule in found { add(rule) } }
        return !found.isEmpty
    }

    // MARK: Use

    /// The name without the tags' values, and the tags in the order of the rules.
    func extract(_ name: String) -> (name: String, tags: [StatTag]) {
        let bytes = Array(name.utf8)
        var tokens: [Range<Int>] = []
        var start = 0
        for index in 0...bytes.count where index == bytes.count || bytes[index] == UInt8(ascii: ".") {
            tokens.append(start..<index)
            start = index + 1
        }
        let first = String(decoding: bytes[tokens[0]], as: UTF8.self)
        let candidates = merge(byFirstToken[first] ?? [], others)
        var tags: [StatTag] = []
        var cuts: [Range<Int>] = []
        for candidate in candidates {
            let rule = rules[candidate]
            if tags.contains(where: { $0.name == rule.name }) { continue }
            if let needle = rule.needle, !Self.contains(bytes, needle) { continue }
            guard let (cut, value) = match(rule, name, bytes, tokens) else { continue }
            tags.append(StatTag(name: rule.name, value: String(decoding: bytes[value], as: UTF8.self)))
            cuts.append(cut)
        }
        guard !cuts.isEmpty else { return (name, tags) }
        var kept: [UInt8] = []
        for (index, byte) in bytes.enumerated() where !cuts.contains(where: { $0.contains(index) }) {
            kept.append(byte)
        }
        return (String(decoding: kept, as: UTF8.self), tags)
    }

    private static func contains(_ bytes: [UInt8], _ needle: [UInt8]) -> Bool {
        guard bytes.count >= needle.count else { return false }
        return bytes.withUnsafeBufferPointer { bytes in
            needle.withUnsafeBufferPointer { needle in
                for start in 0...(bytes.count - needle.count) where bytes[start] == needle[0] {
                    var at = 1
                    while at < needle.count, bytes[start + at] == needle[at] { at += 1 }
                    if at == needle.count { return true }
                }
                return false
            }
        }
    }

    /// Both lists are sorted.
    private func merge(_ a: [Int], _ b: [Int]) -> [Int] { b.isEmpty ? a : (a + b).sorted() }

    private func match(
        _ rule: Rule, _ name: String, _ bytes: [UInt8], _ tokens: [Range<Int>]
    ) -> (cut: Range<Int>, value: Range<Int>)? {
        switch rule.shape {
        case .tokens(let pattern):
            var value: Int?
            guard Self.matches(pattern[...], bytes, tokens[...], &value), let value else { return nil }
            let range = tokens[value]
            // The value goes with its dot: the one behind it, or at the end of the name the one before.
            if range.upperBound < bytes.count { return (range.lowerBound..<(range.upperBound + 1), range) }
            return (max(0, range.lowerBound - 1)..<range.upperBound, range)
        case .regex(let regex):
            guard let groups = regex.groups(name), groups.count > 1, let cut = groups[1] else { return nil }
            return (cut, (groups.count > 2 ? groups[2] : nil) ?? cut)
        }
    }

    private static func matches(
        _ pattern: ArraySlice<String>, _ bytes: [UInt8], _ tokens: ArraySlice<Range<Int>>, _ value: inout Int?
    ) -> Bool {
        guard let head = pattern.first else { return tokens.isEmpty }
        if head == "**" {
            let rest = pattern.dropFirst()
            if rest.isEmpty { return true }
            for start in tokens.startIndex...tokens.endIndex {
                var inner = value
                if matches(rest, bytes, tokens[start...], &inner) {
                    value = inner
                    return true
                }
            }
            return false
        }
        guard let token = tokens.first else { return false }
        switch head {
        case "*": break
        case "$": value = tokens.startIndex
        default: guard bytes[token].elementsEqual(head.utf8) else { return false }
        }
        return matches(pattern.dropFirst(), bytes, tokens.dropFirst(), &value)
    }
}
