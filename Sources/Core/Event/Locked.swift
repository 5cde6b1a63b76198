import Glibc

/// A value behind a mutex.
///
/// `Synchronization.Mutex` in another coat: that one waits on a futex inside a library that the thread sanitizer does not
/// see into, and every use is then reported as a race. A pthread mutex it knows. Cold paths only.
///
/// `@unchecked Sendable`: `value` is touched between lock and unlock only, and is itself `Sendable`.
final class Locked<Value: Sendable>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var value: Value

    init(_ value: Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// `body` must not come back to this lock.
    func withLock<Result, Failure: Error>(_ body: (inout Value) throws(Failure) -> Result) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
