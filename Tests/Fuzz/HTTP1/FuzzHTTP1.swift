// Any bytes into the HTTP/1 decoder, whole and in pieces: it never traps, always makes progress, and tells the same story.
import CoreBytes
import Glibc
import HTTPCodec

/// What one feeding of the bytes told, in a form that two feedings can be compared by.
private struct Story: Equatable {
    var told: [UInt8] = []
    /// Whether the last thing told was a piece of a body, so that the next piece joins it.
    var inBody = false

    mutating func mark(_ tag: UInt8) {
        told.append(0)
        told.append(tag)
        inBody = false
    }

    mutating func add(_ range: ByteRange, of window: ArraySlice<UInt8>) {
        precondition(range.range.upperBound <= window.count, "A range leaves its window.")
        told += window[(window.startIndex + range.range.lowerBound)..<(window.startIndex + range.range.upperBound)]
        told.append(1)
    }

    mutating func body(_ range: ByteRange, of window: ArraySlice<UInt8>, tag: UInt8) {
        if !inBody { mark(tag) }
        precondition(range.range.upperBound <= window.count, "A range leaves its window.")
        told += window[(window.startIndex + range.range.lowerBound)..<(window.startIndex + range.range.upperBound)]
        inBody = true
    }

    mutating func tell(_ event: HTTP1Event, _ window: ArraySlice<UInt8>) {
        switch event {
        case .needMore, .skipped: break
        case .requestLine(let line):
            mark(2)
            add(line.methodName, of: window)
            add(line.target, of: window)
            told.append(line.minorVersion)
        case .statusLine(let line):
            mark(3)
            add(line.reason, of: window)
            told += [UInt8(truncatingIfNeeded: line.status), UInt8(truncatingIfNeeded: line.status >> 8)]
        case .field(let field):
            mark(4)
            add(field.name, of: window)
            add(field.value, of: window)
        case .headEnd(let end):
            mark(5)
            told += Array("\(end.framing)".utf8)
            told.append(end.flags.rawValue)
        case .bodyBytes(let range): body(range, of: window, tag: 6)
        case .trailer(let field):
            mark(7)
            add(field.name, of: window)
            add(field.value, of: window)
        case .messageEnd: mark(8)
        case .tunnelBytes(let range): body(range, of: window, tag: 9)
        }
    }
}

private func read(_ bytes: [UInt8], by step: Int, _ role: HTTP1Decoder.Role, pauses: Bool) -> Story {
    var story = Story()
    var decoder = HTTP1Decoder(role, pausesOnUpgrade: pauses)
    if role == .responses { decoder.expectResponse(to: .get) }
    var start = 0
    var end = 0
    var turns = 0
    do {
        repeat {
            end = min(end + step, bytes.count)
            while true {
                let window = bytes[start..<end]
                let event = try decoder.next(window.span)
                precondition(decoder.consumedBytes <= window.count, "More was used than there was.")
                start += decoder.consumedBytes
                story.tell(event, window)
                turns += 1
                precondition(turns <= 8 * bytes.count + 64, "No progress.")
                if event == .needMore { break }
            }
        } while end < bytes.count
        story.tell(try decoder.finish(), [])
    } catch {
        story.mark(10)
    }
    return story
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHTTP1(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 1 else { return 0 }
    // The first byte chooses role, pausing and the size of the pieces.
    let choice = start[0]
    let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
    let role: HTTP1Decoder.Role = choice & 1 == 0 ? .requests : .responses
    let pauses = choice & 2 != 0
    let whole = read(bytes, by: bytes.count, role, pauses: pauses)
    let pieces = read(bytes, by: Int(choice >> 2) % 31 + 1, role, pauses: pauses)
    precondition(whole == pieces, "Pieces tell another story than the whole.")
    return 0
}
