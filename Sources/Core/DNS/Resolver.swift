// Names to addresses, asynchronously, on the main thread's loop.

import Glibc

/// Asks /etc/hosts, then name servers; remembers nothing (time to live is the asker's business).
///
///     numeric? ─▶ hosts file? ─▶ servers: one family, two in turn (auto, v4Preferred), or both at once (all)
///
/// - Thread: main only.
/// - The channel (and its sockets) is renewed when /etc/resolv.conf changed, when a limit of the options is reached,
///   or when servers refused; open lookups end on the old one.
/// - Source: RFC 1034 §5, RFC 6724 is not applied: addresses keep the order of the answer.
public final class Resolver {
    public let options: ResolverOptions

    private let loop: EventLoop
    private let stats: StatBlock<ResolverStat>
    private var channel: AresChannel?
    /// Channels that still have lookups open; dropped when these have ended.
    private var retired: [AresChannel] = []
    private var hosts: HostsFile
    private var resolvConfStamp: FileStamp

    /// Nil when the options cannot be honoured, for example a Unix address as server.
    ///
    /// - Parameter stats: the main thread's cells; their scope is kept by the caller.
    public init?(loop: EventLoop, options: ResolverOptions = ResolverOptions(), stats: StatBlock<ResolverStat>) {
        guard options.servers.allSatisfy(\.isIP) else { return nil }
        self.loop = loop
        self.options = options
        self.stats = stats
        hosts = HostsFile(path: options.hostsPath)
        resolvConfStamp = FileStamp(options.resolvConfPath)
        guard let channel = AresChannel(loop: loop, options: options) else { return nil }
        self.channel = channel
    }

    /// Starts a lookup. Nil means that `completion` has run already (numeric names, the hosts file, no server).
    @discardableResult
    public func resolve(
        _ name: String, family: DNSLookupFamily, completion: @escaping (DNSResponse) -> Void
    ) -> DNSQuery? {
        stats.add(.resolveTotal)
        if let local = localAnswer(name, family) {
            completion(.completed(local))
            return nil
        }
        let query = DNSQuery(name: name, family: family, completion: completion)
        stats.add(.pendingResolutions)
        renewChannelIfDue()
        switch family {
        case .v4Only, .v4Preferred: start(query, [.v4])
        case .v6Only, .auto: start(query, [.v6])
        case .all: start(query, [.v4, .v6])
        }
        return query.completion == nil ? nil : query
    }

    /// Lower case and without the final dot.
    static func normalised(_ name: String) -> String {
        let lower = name.lowercased()
        return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
    }

    // MARK: Local answers

    private func localAnswer(_ name: String, _ family: DNSLookupFamily) -> [DNSAddress]? {
        if let address = SocketAddress(literal: name, port: 0) {
            // A numeric name of the other family has no address of ours.
            return family.admits(address) ? [DNSAddress(address: address, ttlSeconds: 0)] : []
        }
        var found = hosts.addresses(of: Resolver.normalised(name))
        if found.isEmpty { return nil }
        let four = found.filter { $0.family == AF_INET }
        let six = found.filter { $0.family == AF_INET6 }
        switch family {
        case .v4Only: found = four
        case .v6Only: found = six
        case .auto: found = six.isEmpty ? four : six
        case .v4Preferred: found = four.isEmpty ? six : four
        case .all: break
        }
        // A file that knows the name in the other family only leaves the question to the servers.
        return found.isEmpty ? nil : found.map { DNSAddress(address: $0, ttlSeconds: 0) }
    }

    // MARK: Servers

    private func start(_ query: DNSQuery, _ families: [AresChannel.Family]) {
        query.openLookups = families.count
        let routable = options.filterUnroutableFamilies ? RoutableFamilies.read() : RoutableFamilies(v4: true, v6: true)
        for family in families {
            if !(family == .v4 ? routable.v4 : routable.v6) {
                onEnd(query, family, .failed(.refused("no route for the address family")))
            } else if let channel {
                channel.lookup(query.name, family) { [self, unowned channel] outcome in
                    onEnd(query, family, outcome)
                    onLookupEnd(of: channel)
                }
            } else {
                onEnd(query, family, .failed(.refused("no resolver channel")))
            }
        }
    }

    private func onEnd(_ query: DNSQuery, _ family: AresChannel.Family, _ outcome: AresChannel.Outcome) {
        switch outcome {
        case .answered(let addresses):
            query.wasAnswered = true
            query.addresses += addresses
        case .noRecords:
            stats.add(.notFound)
            query.wasAnswered = true
        case .failed(let failure):
            query.failure = failure
            if failure == .timedOut {
                if options.reinitOnTimeout { channel?.isStale = true }
            } else {
                stats.add(.getAddrFailure)
            }
        }
        query.openLookups -= 1
        if query.openLookups > 0 { return }
        // A query that was taken back asks no further.
        if query.addresses.isEmpty, query.completion != nil {
            if query.family == .auto, family == .v6 { return start(query, [.v4]) }
            if query.family == .v4Preferred, family == .v4 { return start(query, [.v6]) }
        }
        stats.sub(.pendingResolutions)
        query.finish()
    }

    // MARK: Channel

    private func onLookupEnd(of ended: AresChannel) {
        stats.add(.timeouts, ended.takeTimeouts())
        if ended.openLookupCount == 0 { retired.removeAll { $0 === ended } }
    }

    private func renewChannelIfDue() {
        let stamp = FileStamp(options.resolvConfPath)
        if let channel {
            let isOld =
                options.maxUDPChannelDurationMS > 0
                && loop.now.milliseconds(since: channel.madeAt) >= options.maxUDPChannelDurationMS
            let isWorn = options.udpMaxQueries > 0 && channel.lookupCount >= options.udpMaxQueries
            if !channel.isStale, !isOld, !isWorn, stamp == resolvConfStamp { return }
        }
        resolvConfStamp = stamp
        guard let fresh = AresChannel(loop: loop, options: options) else { return }
        stats.add(.reinits)
        if let channel, channel.openLookupCount > 0 { retired.append(channel) }
        channel = fresh
    }
}

/// Of which families this machine has an address besides loopback.
struct RoutableFamilies {
    var v4: Bool
    var v6: Bool

    static func read() -> RoutableFamilies {
        var list: UnsafeMutablePointer<ifaddrs>?
        // Not knowing means asking for both.
        guard getifaddrs(&list) == 0 else { return RoutableFamilies(v4: true, v6: true) }
        defer { freeifaddrs(list) }
        var found = RoutableFamilies(v4: false, v6: false)
        var next = list
        while let current = next {
            next = current.pointee.ifa_next
            guard let raw = current.pointee.ifa_addr else { continue }
            var storage = sockaddr_storage()
            let length: Int
            switch Int32(raw.pointee.sa_family) {
            case AF_INET: length = MemoryLayout<sockaddr_in>.size
            case AF_INET6: length = MemoryLayout<sockaddr_in6>.size
            default: continue
            }
            withUnsafeMutableBytes(of: &storage) {
                $0.copyMemory(from: UnsafeRawBufferPointer(start: raw, count: length))
            }
            guard let address = SocketAddress(storage, length: socklen_t(length)), !address.isLoopback else { continue }
            if address.family == AF_INET { found.v4 = true } else { found.v6 = true }
        }
        return found
    }
}
