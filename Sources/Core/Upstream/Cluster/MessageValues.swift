// Small conversions from configuration messages.

import ConfigAPI
import SwiftProtobuf

extension Google_Protobuf_Duration {
    /// Whole milliseconds, saturating; a positive fraction of one counts as one, so that no time-out becomes zero.
    var milliseconds: Int64 {
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return seconds < 0 ? .min : .max }
        let part = Int64(nanos) / 1_000_000
        let (sum, carry) = whole.addingReportingOverflow(part)
        if carry { return .max }
        return sum == 0 && nanos > 0 ? 1 : sum
    }
}

extension Envoy_Config_Cluster_V3_Cluster.LbPolicy {
    var text: String {
        switch self {
        case .roundRobin: "ROUND_ROBIN"
        case .leastRequest: "LEAST_REQUEST"
        case .ringHash: "RING_HASH"
        case .random: "RANDOM"
        case .maglev: "MAGLEV"
        case .clusterProvided: "CLUSTER_PROVIDED"
        case .loadBalancingPolicyConfig: "LOAD_BALANCING_POLICY_CONFIG"
        case .UNRECOGNIZED(let number): "\(number)"
        }
    }
}
