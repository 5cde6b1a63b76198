// envoy.filters.network.rbac: asks the access rules once the client speaks, and closes what they deny.

import ConfigAPI
import SwiftProtobuf

/// `<stat_prefix>.rbac.`
enum RBACStat: Int, StatKey {
    case allowed, denied

    var definition: StatDefinition {
        switch self {
        case .allowed: .counter("allowed")
        case .denied: .counter("denied")
        }
    }
}

/// `<stat_prefix>.rbac.[<shadow_rules_stat_prefix>.]`
enum RBACShadowStat: Int, StatKey {
    case allowed, denied

    var definition: StatDefinition {
        switch self {
        case .allowed: .counter("shadow_allowed")
        case .denied: .counter("shadow_denied")
        }
    }
}

/// One connection's access control. Rules are asked with the first bytes, or (in front of a relay) with the end of a
/// stream that had none; so a denied client that says nothing stays until another filter or a time limit ends it, as in Envoy.
final class RBACFilter: NetworkFilter {
    static let name = "envoy.filters.network.rbac"

    private let factory: RBACFilterFactory
    private var verdict: Bool?
    private var timer = TimerHandle.none

    init(_ factory: RBACFilterFactory) {
        self.factory = factory
        super.init()
    }

    override func onBytes(_ bytes: UnsafeRawBufferPointer) -> FilterStatus { check() }

    /// In a chain whose end knows no half-closed connections the end of the stream is the end of the connection, and
    /// no read: nothing is asked, or counted, for it.
    override func onEndOfStream() -> FilterStatus {
        if downstream.chain.halfCloses { return check() }
        return timer == .none ? .proceed : .pause
    }

    override func onTimer(_ tag: Int) {
        timer = .none
        downstream.close(.now)
    }

    override func onDownstreamClosed(_ end: ConnectionEnd) { factory.worker.loop.cancel(&timer) }

    private func check() -> FilterStatus {
        if timer != .none { return .pause }
        let config = factory.config
        if verdict == nil || config.isContinuous { verdict = decide() }
        if verdict == true { return .proceed }
        guard config.delayDenyMS > 0 else {
            downstream.close(.now)
            return .pause
        }
        timer = factory.worker.loop.schedule(afterMS: config.delayDenyMS, target: self)
        return .pause
    }

    /// Runs the shadow rules, then the enforced ones; true lets the connection live.
    private func decide() -> Bool {
        let config = factory.config
        guard config.rules != nil || config.shadowRules != nil else { return true }
        let input = makeInput()
        if let shadow = config.shadowRules {
            let verdict = shadow.decide(input)
            factory.shadowStats.add(verdict.isAllowed ? .allowed : .denied)
            let details = downstream.info.details
            if let policy = verdict.policy {
                details.dynamicMetadata.set(RBACFilter.name, key: config.shadowPolicyKey, to: .string(policy))
            }
            details.dynamicMetadata.set(
                RBACFilter.name, key: config.shadowResultKey, to: .string(verdict.isAllowed ? "allowed" : "denied"))
        }
        guard let rules = config.rules else { return true }
        let verdict = rules.decide(input)
        factory.stats.add(verdict.isAllowed ? .allowed : .denied)
        if let hint = verdict.logHint {
            downstream.info.details.dynamicMetadata.set("envoy.common", key: "access_log_hint", to: .bool(hint))
        }
        if !verdict.isAllowed {
            let details = downstream.info.details
            details.connectionTerminationDetails = verdict.terminationDetails
            details.downstreamLocalCloseReason = "rbac_deny_close"
        }
        return verdict.isAllowed
    }

    private func makeInput() -> RBACInput {
        let info = downstream.info
        let details = info.existingDetails
        return RBACInput(
            destination: info.downstreamLocalAddress, source: info.downstreamRemoteAddress,
            directSource: details?.downstreamDirectRemoteAddress, serverName: info.requestedServerName,
            metadata: details?.dynamicMetadata ?? Metadata(), filterState: details?.filterState ?? [:])
    }
}

/// The filter's counters on one worker.
final class RBACFilterFactory: NetworkFilterFactory {
    let config: RBACFilterConfig
    let worker: Worker
    let stats: StatBlock<RBACStat>
    let shadowStats: StatBlock<RBACShadowStat>

    init(_ config: RBACFilterConfig, on worker: Worker) {
        self.config = config
        self.worker = worker
        stats = worker.stats.block(config.stats)
        shadowStats = worker.stats.block(config.shadowStats)
        super.init()
    }

    override func makeFilter() -> NetworkFilter { RBACFilter(self) }
}

/// The compiled message.
package final class RBACFilterConfig: NetworkFilterConfig {
    let rules: RBACEngine?
    let shadowRules: RBACEngine?
    let isContinuous: Bool
    let delayDenyMS: Int64
    let shadowPolicyKey: String
    let shadowResultKey: String
    let stats: StatScope<RBACStat>
    let shadowStats: StatScope<RBACShadowStat>

    package var isTerminal: Bool { false }

    package func makeFactory(on worker: Worker) -> NetworkFilterFactory { RBACFilterFactory(self, on: worker) }

    init(_ message: Envoy_Extensions_Filters_Network_Rbac_V3_RBAC, stats store: StatsStore) throws(CompileFailure) {
        var problems = ProblemCollector()
        rules =
            message.hasRules
            ? problems.attempt("rules") { () throws(CompileFailure) in try RBACEngine(message.rules) } : nil
        shadowRules =
            message.hasShadowRules
            ? problems.attempt("shadow_rules") { () throws(CompileFailure) in try RBACEngine(message.shadowRules) }
            : nil
        switch message.enforcementType {
        case .oneTimeOnFirstByte: isContinuous = false
        case .continuous: isContinuous = true
        case .UNRECOGNIZED(let number):
            isContinuous = false
            problems.add("\(number) is not one of ONE_TIME_ON_FIRST_BYTE, CONTINUOUS", at: "enforcement_type")
        }
        delayDenyMS = message.hasDelayDeny ? message.delayDeny.milliseconds : 0
        let prefix = message.shadowRulesStatPrefix
        shadowPolicyKey = "\(prefix)shadow_effective_policy_id"
        shadowResultKey = "\(prefix)shadow_engine_result"
        let base = RBACFilterConfig.dotted(message.statPrefix) + "rbac."
        stats = store.scope(prefix: base)
        shadowStats = store.scope(prefix: base + RBACFilterConfig.dotted(prefix))
        try problems.throwIfAny()
    }

    /// Envoy takes "x" and "x." for the same prefix here.
    private static func dotted(_ prefix: String) -> String {
        prefix.isEmpty || prefix.hasSuffix(".") ? prefix : prefix + "."
    }
}
