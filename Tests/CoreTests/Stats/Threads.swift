import Glibc

/// Runs `body` on `count` threads, `meanwhile` on the caller's, and waits for all.
func runThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void, meanwhile: () -> Void = {}) {
    final class Start {
        let index: Int
        let body: @Sendable (Int) -> Void
        init(_ index: Int, _ body: @escaping @Sendable (Int) -> Void) { (self.index, self.body) = (index, body) }
    }
    var threads: [pthread_t] = []
    for index in 0..<count {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(Start(index, body)).toOpaque()
        let failed = pthread_create(
            &thread, nil,
            { raw in
                guard let raw else { return nil }
                let start = Unmanaged<Start>.fromOpaque(raw).takeRetainedValue()
                start.body(start.index)
                return nil
            }, context)
        precondition(failed == 0, "A thread starts.")
        threads.append(thread)
    }
    meanwhile()
    for thread in threads { pthread_join(thread, nil) }
}
