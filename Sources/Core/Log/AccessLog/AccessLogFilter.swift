import CoreBytes

/// Which records a log takes. Compiled from Envoy's `AccessLogFilter`; those of its kinds that only HTTP can answer
/// are refused at load.
public indirect enum AccessLogFilter: Sendable {
    case all([AccessLogFilter])
    case any([AccessLogFilter])
    case durationMS(Comparison)
    /// The response's; zero where there is no HTTP.
    case statusCode(Comparison)
    /// Any of these flags; an empty set means any flag at all.
    case responseFlag(ResponseFlags)
    /// A share of all records; `key` may replace the share through the runtime.
    case runtime(key: String, share: FractionalPercent)
    case logType(Set<AccessLogType>, excludes: Bool)
    case metadata(MetadataMatcher, filter: String, path: [String], passesWithoutKey: Bool)

    /// Against a number that the runtime may replace.
    public struct Comparison: Sendable {
        public enum Operation: Sendable { case equal, atLeast, atMost, notEqual }

        public let operation: Operation
        public let value: UInt64
        public let runtimeKey: String

        public init(_ operation: Operation, _ value: UInt64, runtimeKey: String = "") {
            self.operation = operation
            self.value = value
            self.runtimeKey = runtimeKey
        }

        func passes(_ number: UInt64, _ runtime: AccessLogRuntime) -> Bool {
            let bound = runtimeKey.isEmpty ? value : runtime.number(runtimeKey) ?? value
            return switch operation {
            case .equal: number == bound
            case .atLeast: number >= bound
            case .atMost: number <= bound
            case .notEqual: number != bound
            }
        }
    }

    func passes(
        _ info: StreamInfo, _ type: AccessLogType, now: Instant, runtime: AccessLogRuntime, random: inout FastRandom
    ) -> Bool {
        switch self {
        case .all(let filters):
            for filter in filters
            where !filter.passes(info, type, now: now, runtime: runtime, random: &random) { return false }
            return true
        case .any(let filters):
            for filter in filters
            where filter.passes(info, type, now: now, runtime: runtime, random: &random) { return true }
            return false
        case .durationMS(let comparison):
            let duration = (info.endTime ?? now).nanoseconds(since: info.startTime) / 1_000_000
            return comparison.passes(duration, runtime)
        case .statusCode(let comparison):
            return comparison.passes(UInt64(info.existingDetails?.http?.responseCode ?? 0), runtime)
        case .responseFlag(let flags):
            return flags.isEmpty ? !info.responseFlags.isEmpty : !info.responseFlags.isDisjoint(with: flags)
        case .runtime(let key, let share): return (runtime.fraction(key) ?? share).draw(random.next())
        case .logType(let types, let excludes): return types.contains(type) != excludes
        case .metadata(let matcher, let filter, let path, let passesWithoutKey):
            let metadata = info.existingDetails?.dynamicMetadata ?? Metadata()
            guard var value = metadata.filterMetadata[filter] else { return passesWithoutKey }
            for key in path {
                guard let next = value[key] else { return passesWithoutKey }
                value = next
            }
            return matcher.matches(metadata)
        }
    }
}
