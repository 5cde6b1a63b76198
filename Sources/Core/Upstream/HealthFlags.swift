/// Why a host is not plainly healthy. A host with no flag is healthy.
///
/// The bit values and texts are those Envoy prints on its admin page (`health_flags::/failed_active_hc`), so scripts
/// that read `/clusters` keep working.
public struct HealthFlags: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The active health checker failed the host.
    public static let failedActiveHC = HealthFlags(rawValue: 1 << 0)
    /// Outlier detection ejected the host.
    public static let failedOutlierCheck = HealthFlags(rawValue: 1 << 1)
    /// Configuration or discovery gave the host the status UNHEALTHY or TIMEOUT.
    public static let failedEDSHealth = HealthFlags(rawValue: 1 << 2)
    /// The active health checker saw the host degraded.
    public static let degradedActiveHC = HealthFlags(rawValue: 1 << 3)
    /// Configuration or discovery gave the host the status DEGRADED.
    public static let degradedEDSHealth = HealthFlags(rawValue: 1 << 4)
    /// Discovery removed the host; it stays only until its active health check fails.
    public static let pendingDynamicRemoval = HealthFlags(rawValue: 1 << 5)
    /// The host waits for its first active health check.
    public static let pendingActiveHC = HealthFlags(rawValue: 1 << 6)
    /// The host asked, in a health check's answer, to be left out of all load arithmetic.
    public static let excludedViaImmediateHCFail = HealthFlags(rawValue: 1 << 7)
    /// The last active health check ended in a time-out (comes with `failedActiveHC`).
    public static let activeHCTimeout = HealthFlags(rawValue: 1 << 8)
    /// Configuration or discovery gave the host the status DRAINING.
    public static let edsStatusDraining = HealthFlags(rawValue: 1 << 9)
    /// Outlier detection sees the host degraded.
    public static let degradedOutlierDetection = HealthFlags(rawValue: 1 << 10)

    /// Any of these makes a host ``HostAvailability/unhealthy``.
    public static let unhealthyMask: HealthFlags = [
        .failedActiveHC, .failedOutlierCheck, .failedEDSHealth, .edsStatusDraining,
    ]
    /// Any of these, without one of ``unhealthyMask``, makes a host ``HostAvailability/degraded``.
    public static let degradedMask: HealthFlags = [.degradedActiveHC, .degradedEDSHealth, .degradedOutlierDetection]
    /// Any of these takes a host out of the totals that priorities and panic are computed from.
    public static let excludedMask: HealthFlags = [.pendingActiveHC, .excludedViaImmediateHCFail]

    /// Flag texts in the order Envoy prints them.
    static let texts: [(flag: HealthFlags, text: String)] = [
        (.failedActiveHC, "/failed_active_hc"), (.failedOutlierCheck, "/failed_outlier_check"),
        (.failedEDSHealth, "/failed_eds_health"), (.degradedActiveHC, "/degraded_active_hc"),
        (.degradedEDSHealth, "/degraded_eds_health"), (.pendingDynamicRemoval, "/pending_dynamic_removal"),
        (.pendingActiveHC, "/pending_active_hc"),
        (.excludedViaImmediateHCFail, "/excluded_via_immediate_hc_fail"), (.activeHCTimeout, "/active_hc_timeout"),
        (.edsStatusDraining, "/eds_status_draining"), (.degradedOutlierDetection, "/degraded_outlier_detection"),
    ]

    /// The admin text: all set flags joined, or `healthy`.
    public var text: String {
        if isEmpty { return "healthy" }
        var text = ""
        for (flag, name) in Self.texts where contains(flag) { text += name }
        return text
    }

    /// What the balancers make of these flags.
    public var availability: HostAvailability {
        if !isDisjoint(with: Self.unhealthyMask) { return .unhealthy }
        return isDisjoint(with: Self.degradedMask) ? .healthy : .degraded
    }
}

/// What the balancers make of a host's flags.
public enum HostAvailability: UInt8, Sendable {
    case healthy, degraded, unhealthy
}
