// The bootstrap's stats_config compiled; mistakes are reported with their paths.

package import ConfigAPI
package import CoreConfig
import SwiftProtobuf

extension StatsConfig {
    /// `cliTags` are the pairs of `--stats-tag`. What is wrong goes to `problems`, below `path`.
    package init(
        _ message: Envoy_Config_Metrics_V3_StatsConfig, tags cliTags: [(name: String, value: String)] = [],
        path: String = "stats_config", problems: inout [ConfigProblem]
    ) {
        self.init()
        fixedTags = cliTags.map { StatTag(name: $0.name, value: $0.value) }
        let usesDefaults = !message.hasUseAllDefaultTags || message.useAllDefaultTags.value
        tagRules = usesDefaults ? .standard : StatTagRules()
        for (index, specifier) in message.statsTags.enumerated() {
            readTag(specifier, path: "\(path).stats_tags[\(index)]", problems: &problems)
        }
        readMatcher(message.statsMatcher, path: "\(path).stats_matcher", problems: &problems)
        for (index, settings) in message.histogramBucketSettings.enumerated() {
            readBuckets(settings, path: "\(path).histogram_bucket_settings[\(index)]", problems: &problems)
        }
    }

    private mutating func readTag(
        _ specifier: Envoy_Config_Metrics_V3_TagSpecifier, path: String, problems: inout [ConfigProblem]
    ) {
        let name = specifier.tagName
        if case .fixedValue(let value)? = specifier.tagValue {
            fixedTags.append(StatTag(name: name, value: value))
            return
        }
        guard !specifier.regex.isEmpty else {
            // A name alone asks for the default rules of that name.
            if !tagRules.addStandard(named: name) {
                problems.append(
                    ConfigProblem(
                        path: path, found: "\"\(name)\"",
                        text: "a tag without regex or fixed_value must be one of the default tags"))
            }
            return
        }
        do throws(RegexError) {
            let regex = try RE2Regex(specifier.regex)
            guard regex.groupCount >= 1 else {
                problems.append(
                    ConfigProblem(
                        path: "\(path).regex", found: specifier.regex,
                        text: "needs a capturing group: the first is cut out of the name, the second is the value"))
                return
            }
            tagRules.add(name: name, regex)
        } catch {
            problems.append(ConfigProblem(path: "\(path).regex", found: specifier.regex, text: error.reason))
        }
    }

    private mutating func readMatcher(
        _ message: Envoy_Config_Metrics_V3_StatsMatcher, path: String, problems: inout [ConfigProblem]
    ) {
        switch message.statsMatcher {
        case nil: break
        case .rejectAll(let rejects)?: matcher = rejects ? .rejectAll : .acceptAll
        case .inclusionList(let list)?:
            matcher = .inclusion(read(list, path: "\(path).inclusion_list", problems: &problems))
        case .exclusionList(let list)?:
            matcher = .exclusion(read(list, path: "\(path).exclusion_list", problems: &problems))
        }
    }

    private func read(
        _ list: Envoy_Type_Matcher_V3_ListStringMatcher, path: String, problems: inout [ConfigProblem]
    ) -> [StringMatcher] {
        list.patterns.enumerated().compactMap {
            compile($1, path: "\(path).patterns[\($0)]", problems: &problems)
        }
    }

    private func compile(
        _ message: Envoy_Type_Matcher_V3_StringMatcher, path: String, problems: inout [ConfigProblem]
    ) -> StringMatcher? {
        do throws(CompileFailure) {
            return try StringMatcher(message)
        } catch {
            problems += error.inside(path).problems.map { ConfigProblem(path: $0.path, text: $0.text) }
            return nil
        }
    }

    private mutating func readBuckets(
        _ message: Envoy_Config_Metrics_V3_HistogramBucketSettings, path: String, problems: inout [ConfigProblem]
    ) {
        if message.hasBins {
            problems.append(ConfigProblem(path: "\(path).bins", text: "is not supported: histograms have fixed bins"))
        }
        // No buckets: the default ones, for these names.
        let bounds = message.buckets.isEmpty ? HistogramBuckets.standard : message.buckets
        for (index, bound) in bounds.enumerated() where bound <= 0 || (index > 0 && bound <= bounds[index - 1]) {
            problems.append(
                ConfigProblem(
                    path: "\(path).buckets[\(index)]", found: "\(bound)",
                    text: "bounds are above zero, each above the one before"))
            return
        }
        guard let matcher = compile(message.match, path: "\(path).match", problems: &problems) else { return }
        buckets.settings.append((matcher, bounds))
    }
}
