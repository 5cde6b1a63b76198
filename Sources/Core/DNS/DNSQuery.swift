// One question to the resolver, which its asker may take back.

/// A lookup under way. Dropping it does nothing; ``cancel()`` makes sure that nobody is called.
public final class DNSQuery {
    let name: String
    let family: DNSLookupFamily
    var completion: ((DNSResponse) -> Void)?
    /// Families still open, of those asked at once.
    var openLookups = 0
    var addresses: [DNSAddress] = []
    var wasAnswered = false
    var failure: DNSFailure?

    init(name: String, family: DNSLookupFamily, completion: @escaping (DNSResponse) -> Void) {
        self.name = name
        self.family = family
        self.completion = completion
    }

    /// The servers may still answer; the answer is dropped.
    public func cancel() { completion = nil }

    /// Ends the query with what has been gathered.
    func finish() {
        let call = completion
        completion = nil
        call?(wasAnswered ? .completed(addresses) : .failed(failure ?? .refused("no address family to ask for")))
    }
}
