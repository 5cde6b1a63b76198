// Role-based access control: policies in order of name, one verdict.

public import ConfigAPI
import SwiftProtobuf

/// Compiled access rules. Immutable, shared by all workers; deciding allocates nothing of its own.
///
/// Policies are tried in the byte order of their names, and the first that matches counts, as in Envoy:
///
///     action   a policy matches   none matches
///     ALLOW    allowed            denied
///     DENY     denied             allowed
///     LOG      allowed, hint on   allowed, hint off
public final class RBACEngine: Sendable {
    public enum Action: Sendable { case allow, deny, log }

    public struct Verdict: Equatable, Sendable {
        public var isAllowed: Bool
        /// The policy that matched; nil when none did.
        public var policy: String?
        /// For ``Action/log``: whether an access log should note this connection.
        public var logHint: Bool?

        /// What CONNECTION_TERMINATION_DETAILS says of a denial. White space in a name would split a log line.
        public var terminationDetails: String {
            let name = String((policy ?? "none").map { $0.isWhitespace ? "_" : $0 })
            return "rbac_access_denied_matched_policy[\(name)]"
        }
    }

    private struct Policy: Sendable {
        var name: String
        var permissions: [RBACPermission]
        var principals: [RBACPrincipal]

        func matches(_ input: RBACInput) -> Bool {
            var isPermitted = false
            for permission in permissions where permission.matches(input) {
                isPermitted = true
                break
            }
            guard isPermitted else { return false }
            for principal in principals where principal.matches(input) { return true }
            return false
        }
    }

    /// Rules inside rules.
    static let maxDepth = 32

    private let action: Action
    private let policies: [Policy]

    public init(_ message: Envoy_Config_Rbac_V3_RBAC) throws(CompileFailure) {
        var problems = ProblemCollector()
        switch message.action {
        case .allow: action = .allow
        case .deny: action = .deny
        case .log: action = .log
        case .UNRECOGNIZED(let number): throw CompileFailure("\(number) is not one of ALLOW, DENY, LOG", at: "action")
        }
        var policies: [Policy] = []
        for name in message.policies.keys.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            guard let policy = message.policies[name] else { continue }
            let place = "policies[\"\(name)\"]"
            let permissions = problems.attempt(place) { () throws(CompileFailure) in
                try RBACPermission.list(policy.permissions, field: "permissions", depth: 0)
            }
            let principals = problems.attempt(place) { () throws(CompileFailure) in
                try RBACPrincipal.list(policy.principals, field: "principals", depth: 0)
            }
            if let permissions, let principals {
                policies.append(Policy(name: name, permissions: permissions, principals: principals))
            }
        }
        try problems.throwIfAny()
        self.policies = policies
    }

    public func decide(_ input: RBACInput) -> Verdict {
        var matched: String?
        for policy in policies where policy.matches(input) {
            matched = policy.name
            break
        }
        switch action {
        case .allow: return Verdict(isAllowed: matched != nil, policy: matched)
        case .deny: return Verdict(isAllowed: matched == nil, policy: matched)
        case .log: return Verdict(isAllowed: true, policy: matched, logHint: matched != nil)
        }
    }

    /// `sourced_metadata`. The only source for a TCP connection is its dynamic metadata; a route it has not.
    static func metadata(_ message: Envoy_Config_Rbac_V3_SourcedMetadata) throws(CompileFailure) -> MetadataMatcher {
        guard message.metadataSource == .dynamic else {
            throw CompileFailure("a TCP connection has dynamic metadata only", at: "sourced_metadata.metadata_source")
        }
        guard message.hasMetadataMatcher else {
            throw CompileFailure("is needed", at: "sourced_metadata.metadata_matcher")
        }
        do { return try MetadataMatcher(message.metadataMatcher) } catch {
            throw error.inside("sourced_metadata.metadata_matcher")
        }
    }
}
