// Whom a policy is about: conditions on where a connection comes from.

import ConfigAPI
import SwiftProtobuf

/// A compiled principal. A pure test over ``RBACInput``.
indirect enum RBACPrincipal: Sendable {
    case any
    case all([RBACPrincipal])
    case one([RBACPrincipal])
    case not(RBACPrincipal)
    /// A TLS connection; with a matcher, one whose certificate names somebody that matches.
    case authenticated(StringMatcher?)
    /// After a PROXY protocol header.
    case remoteIP(CIDRRange)
    case directRemoteIP(CIDRRange)
    case metadata(MetadataMatcher)
    case filterStateText(key: String, StringMatcher)
    case filterStateAddress(key: String, CIDRSet)

    func matches(_ input: RBACInput) -> Bool {
        switch self {
        case .any: return true
        case .all(let ids):
            for id in ids where !id.matches(input) { return false }
            return true
        case .one(let ids):
            for id in ids where id.matches(input) { return true }
            return false
        case .not(let id): return !id.matches(input)
        case .authenticated(let name):
            guard let peer = input.tlsPeer else { return false }
            guard let name else { return true }
            for uri in peer.uriSANs where name.matches(uri) { return true }
            for dns in peer.dnsSANs where name.matches(dns) { return true }
            return name.matches(peer.subject)
        case .remoteIP(let range): return input.source.map { range.contains($0) } ?? false
        case .directRemoteIP(let range): return input.directSource.map { range.contains($0) } ?? false
        case .metadata(let matcher): return matcher.matches(input.metadata)
        case .filterStateText(let key, let matcher): return input.filterState[key].map { matcher.matches($0) } ?? false
        case .filterStateAddress(let key, let set):
            guard let text = input.filterState[key] else { return false }
            return (SocketAddress(text) ?? SocketAddress(literal: text, port: 0)).map { set.contains($0) } ?? false
        }
    }
}

extension RBACPrincipal {
    init(_ message: Envoy_Config_Rbac_V3_Principal, depth: Int = 0) throws(CompileFailure) {
        guard depth < RBACEngine.maxDepth else {
            throw CompileFailure("rules nest deeper than \(RBACEngine.maxDepth) levels")
        }
        switch message.identifier {
        case .any(let flag):
            if !flag { throw CompileFailure("only true is possible", at: "any") }
            self = .any
        case .andIds(let set): self = .all(try RBACPrincipal.list(set.ids, field: "and_ids.ids", depth: depth + 1))
        case .orIds(let set): self = .one(try RBACPrincipal.list(set.ids, field: "or_ids.ids", depth: depth + 1))
        case .notID(let id):
            do { self = .not(try RBACPrincipal(id, depth: depth + 1)) } catch { throw error.inside("not_id") }
        case .authenticated(let who):
            if who.hasPrincipalName {
                do { self = .authenticated(try StringMatcher(who.principalName)) } catch {
                    throw error.inside("authenticated.principal_name")
                }
            } else {
                self = .authenticated(nil)
            }
        // The connection's remote address is the downstream's: the deprecated field means the same.
        case .sourceIp(let range):
            do { self = .remoteIP(try CIDRRange(range)) } catch { throw error.inside("source_ip") }
        case .remoteIp(let range):
            do { self = .remoteIP(try CIDRRange(range)) } catch { throw error.inside("remote_ip") }
        case .directRemoteIp(let range):
            do { self = .directRemoteIP(try CIDRRange(range)) } catch { throw error.inside("direct_remote_ip") }
        case .metadata(let matcher):
            do { self = .metadata(try MetadataMatcher(matcher)) } catch { throw error.inside("metadata") }
        case .sourcedMetadata(let sourced): self = .metadata(try RBACEngine.metadata(sourced))
        case .filterState(let state): self = try RBACPrincipal.filterState(state)
        case nil:
            throw CompileFailure(
                "an identifier is needed: any, and_ids, or_ids, not_id, authenticated, direct_remote_ip, remote_ip, "
                    + "sourced_metadata or filter_state")
        }
    }

    private static func filterState(
        _ message: Envoy_Type_Matcher_V3_FilterStateMatcher
    ) throws(CompileFailure) -> RBACPrincipal {
        if message.key.isEmpty { throw CompileFailure("must not be empty", at: "filter_state.key") }
        switch message.matcher {
        case .stringMatch(let matcher):
            do { return .filterStateText(key: message.key, try StringMatcher(matcher)) } catch {
                throw error.inside("filter_state.string_match")
            }
        case .addressMatch(let addresses):
            var problems = ProblemCollector()
            var ranges: [CIDRRange] = []
            for (index, range) in addresses.ranges.enumerated() {
                let place = "filter_state.address_match.ranges[\(index)]"
                if let one = problems.attempt(place, { () throws(CompileFailure) in try CIDRRange(range) }) {
                    ranges.append(one)
                }
            }
            try problems.throwIfAny()
            return .filterStateAddress(key: message.key, CIDRSet(ranges))
        case nil:
            throw CompileFailure("one of string_match or address_match is needed", at: "filter_state")
        }
    }

    static func list(
        _ messages: [Envoy_Config_Rbac_V3_Principal], field: String, depth: Int
    ) throws(CompileFailure) -> [RBACPrincipal] {
        var problems = ProblemCollector()
        if messages.isEmpty { problems.add("at least one is needed", at: field) }
        var ids: [RBACPrincipal] = []
        for (index, message) in messages.enumerated() {
            let id = problems.attempt("\(field)[\(index)]") { () throws(CompileFailure) in
                try RBACPrincipal(message, depth: depth)
            }
            if let id { ids.append(id) }
        }
        try problems.throwIfAny()
        return ids
    }
}
