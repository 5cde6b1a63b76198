import Synchronization

/// The level of every component, four bits each in three words.
struct LogLevels: ~Copyable, Sendable {
    private let first = Atomic<UInt64>(LogLevels.allInfo)
    private let second = Atomic<UInt64>(LogLevels.allInfo)
    private let third = Atomic<UInt64>(LogLevels.allInfo)

    private static let allInfo: UInt64 = 0x2222_2222_2222_2222

    @inline(__always)
    func load(_ component: LogComponent) -> UInt8 {
        let raw = component.rawValue
        let word =
            switch raw >> 4 {
            case 0: first.load(ordering: .relaxed)
            case 1: second.load(ordering: .relaxed)
            default: third.load(ordering: .relaxed)
            }
        return UInt8(truncatingIfNeeded: word >> UInt64((raw & 15) * 4)) & 15
    }

    func store(_ component: LogComponent, _ level: LogLevel) {
        let raw = component.rawValue
        let shift = UInt64((raw & 15) * 4)
        func set(_ word: borrowing Atomic<UInt64>) {
            var old = word.load(ordering: .relaxed)
            while true {
                let new = (old & ~(15 << shift)) | UInt64(level.rawValue) << shift
                let (exchanged, seen) = word.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
                if exchanged { return }
                old = seen
            }
        }
        switch raw >> 4 {
        case 0: set(first)
        case 1: set(second)
        default: set(third)
        }
    }
}
