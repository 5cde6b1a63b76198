// What a policy is about: conditions on where a connection goes.

import ConfigAPI
import SwiftProtobuf

/// A compiled permission. A pure test over ``RBACInput``.
indirect enum RBACPermission: Sendable {
    case any
    case all([RBACPermission])
    case one([RBACPermission])
    case not(RBACPermission)
    case destinationIP(CIDRRange)
    case destinationPort(UInt16)
    /// Half open: the end is outside. It may be 65536.
    case destinationPorts(Range<Int>)
    case serverName(StringMatcher)
    case metadata(MetadataMatcher)

    func matches(_ input: RBACInput) -> Bool {
        switch self {
        case .any: return true
        case .all(let rules):
            for rule in rules where !rule.matches(input) { return false }
            return true
        case .one(let rules):
            for rule in rules where rule.matches(input) { return true }
            return false
        case .not(let rule): return !rule.matches(input)
        case .destinationIP(let range): return input.destination.map { range.contains($0) } ?? false
        case .destinationPort(let port):
            guard let destination = input.destination, destination.isIP else { return false }
            return destination.port == port
        case .destinationPorts(let ports):
            guard let destination = input.destination, destination.isIP else { return false }
            return ports.contains(Int(destination.port))
        case .serverName(let matcher): return matcher.matches(input.serverName)
        case .metadata(let matcher): return matcher.matches(input.metadata)
        }
    }
}

extension RBACPermission {
    /// - Parameter depth: how deep this one stands inside others; bounded, because configuration may come from afar.
    init(_ message: Envoy_Config_Rbac_V3_Permission, depth: Int = 0) throws(CompileFailure) {
        guard depth < RBACEngine.maxDepth else {
            throw CompileFailure("rules nest deeper than \(RBACEngine.maxDepth) levels")
        }
        switch message.rule {
        case .any(let flag):
            if !flag { throw CompileFailure("only true is possible", at: "any") }
            self = .any
        case .andRules(let set):
            self = .all(try RBACPermission.list(set.rules, field: "and_rules.rules", depth: depth + 1))
        case .orRules(let set):
            self = .one(try RBACPermission.list(set.rules, field: "or_rules.rules", depth: depth + 1))
        case .notRule(let rule):
            do { self = .not(try RBACPermission(rule, depth: depth + 1)) } catch { throw error.inside("not_rule") }
        case .destinationIp(let range):
            do { self = .destinationIP(try CIDRRange(range)) } catch { throw error.inside("destination_ip") }
        case .destinationPort(let number):
            guard let port = UInt16(exactly: number) else {
                throw CompileFailure("\(number) is more than 65535", at: "destination_port")
            }
            self = .destinationPort(port)
        case .destinationPortRange(let range):
            let field = "destination_port_range"
            guard range.start >= 0, range.start <= 65536 else {
                throw CompileFailure("\(range.start) is not between 0 and 65536", at: "\(field).start")
            }
            guard range.end >= 0, range.end <= 65536 else {
                throw CompileFailure("\(range.end) is not between 0 and 65536", at: "\(field).end")
            }
            guard range.start < range.end else {
                throw CompileFailure("the start \(range.start) must be below the end \(range.end)", at: field)
            }
            self = .destinationPorts(Int(range.start)..<Int(range.end))
        case .requestedServerName(let matcher):
            do { self = .serverName(try StringMatcher(matcher)) } catch { throw error.inside("requested_server_name") }
        case .metadata(let matcher):
            do { self = .metadata(try MetadataMatcher(matcher)) } catch { throw error.inside("metadata") }
        case .sourcedMetadata(let sourced):
            self = .metadata(try RBACEngine.metadata(sourced))
        case nil:
            throw CompileFailure(
                "a rule is needed: any, and_rules, or_rules, not_rule, destination_ip, destination_port, "
                    + "destination_port_range, requested_server_name or sourced_metadata")
        }
    }

    static func list(
        _ messages: [Envoy_Config_Rbac_V3_Permission], field: String, depth: Int
    ) throws(CompileFailure) -> [RBACPermission] {
        var problems = ProblemCollector()
        if messages.isEmpty { problems.add("at least one is needed", at: field) }
        var rules: [RBACPermission] = []
        for (index, message) in messages.enumerated() {
            let rule = problems.attempt("\(field)[\(index)]") { () throws(CompileFailure) in
                try RBACPermission(message, depth: depth)
            }
            if let rule { rules.append(rule) }
        }
        try problems.throwIfAny()
        return rules
    }
}
