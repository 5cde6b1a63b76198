import Glibc

/// Floating-point numbers as Envoy prints them.
extension [UInt8] {
    /// As few digits as bring the number back; whole numbers without a point.
    mutating func appendShortest(_ number: Double) {
        if number == number.rounded(), abs(number) < 1e15 {
            appendDecimal(Int(number))
        } else {
            append(contentsOf: number.description.utf8)
        }
    }

    /// As `%.<digits>g`.
    mutating func appendGeneral(_ number: Double, digits: Int) {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            guard let base = buffer.baseAddress else { return }
            let count = withVaList([Int32(digits), number]) { vsnprintf(base, buffer.count, "%.*g", $0) }
            append(contentsOf: UnsafeRawBufferPointer(start: base, count: Swift.max(0, Swift.min(Int(count), 63))))
        }
    }
}
