// Any bytes as a configuration: the loader never traps, its work is bounded, and each problem says something.
import CoreConfig
import Glibc

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzConfig(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 0 else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    let name = bytes[0] == UInt8(ascii: "{") ? "fuzz.json" : "fuzz.yaml"
    let loaded = ConfigLoader().parse(bytes: bytes, fileName: name)
    for problem in loaded.problems {
        precondition(!"\(problem)".isEmpty, "A problem without words.")
    }
    return 0
}
