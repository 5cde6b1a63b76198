// The encoder's bytes, its refusals, and that the decoder reads back what was written.

import HTTPCodec
import Testing

@Suite struct HTTP1EncoderTests {
    private let none: [UInt8] = []

    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func headsAreWrittenInOrderWithTheFramingGiven() throws {
        var map = HeaderMap()
        try map.append(.contentType, bytes("text/plain").span)
        try map.append(.contentLength, bytes("999").span)
        try map.append(.pseudoPath, bytes("/p").span)
        try map.append(name: bytes("X-A").span, value: bytes("b c").span)
        var out: [UInt8] = []
        try HTTP1Encoder.responseHead(status: 200, reason: none.span, headers: map, framing: .length(12), into: &out)
        #expect(
            String(decoding: out, as: UTF8.self)
                == "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-a: b c\r\ncontent-length: 12\r\n\r\n")
        out = []
        try HTTP1Encoder.requestHead(
            method: bytes("PUT").span, target: bytes("/x").span, headers: map, framing: .chunked, into: &out)
        HTTP1Encoder.chunk(bytes("").span, into: &out)
        HTTP1Encoder.chunk([UInt8](repeating: 0x61, count: 27).span, into: &out)
        HTTP1Encoder.lastChunk(into: &out)
        #expect(
            String(decoding: out, as: UTF8.self)
                == "PUT /x HTTP/1.1\r\ncontent-type: text/plain\r\nx-a: b c\r\ntransfer-encoding: chunked\r\n\r\n"
                + "1b\r\n" + String(repeating: "a", count: 27) + "\r\n0\r\n\r\n")
    }

    private func responseError(
        status: Int = 200, reason: String = "", name: String = "x", value: String = "y"
    ) throws -> HTTP1EncodeError? {
        var out: [UInt8] = []
        var map = HeaderMap()
        try map.append(name: bytes(name).span, value: bytes(value).span)
        let reason = bytes(reason)
        do {
            try HTTP1Encoder.responseHead(status: status, reason: reason.span, headers: map, framing: .none, into: &out)
        } catch {
            return error
        }
        return nil
    }

    private func requestError(method: String, target: String) -> HTTP1EncodeError? {
        var out: [UInt8] = []
        let map = HeaderMap()
        let (method, target) = (bytes(method), bytes(target))
        do {
            try HTTP1Encoder.requestHead(
                method: method.span, target: target.span, headers: map, framing: .none, into: &out)
        } catch { return error }
        return nil
    }

    @Test func whatWouldBreakALineIsRefused() throws {
        #expect(try responseError() == nil)
        #expect(try responseError(value: "a\r\nSet-Cookie: b") == .badValue)
        #expect(try responseError(value: "a\u{0}") == .badValue)
        #expect(try responseError(name: "X: y\r\nZ") == .badName)
        #expect(try responseError(name: "") == .badName)
        #expect(try responseError(reason: "\n") == .badReason)
        #expect(try responseError(status: 99) == .badStatus)
        #expect(requestError(method: "GET", target: "/") == nil)
        #expect(requestError(method: "GET", target: "/ x") == .badTarget)
        #expect(requestError(method: "GET", target: "") == .badTarget)
        #expect(requestError(method: "GE T", target: "/") == .badMethod)
    }

    @Test func chunkSizesRoundTrip() {
        for size in [1, 9, 15, 16, 17, 255, 256, 4095, 4096, 65535, 65536] {
            var out = bytes(HTTP1SmugglingTests.chunked)
            HTTP1Encoder.chunk([UInt8](repeating: 0x7a, count: size).span, into: &out)
            HTTP1Encoder.lastChunk(into: &out)
            let result = DecodeDriver.run([out])
            #expect(result.error == nil)
            #expect(result.lines.suffix(2) == ["body " + String(repeating: "z", count: size), "end"])
        }
    }

    @Test func randomMessagesDecodeToThemselves() throws {
        var random = SplitMix(state: 9112)
        let alphabet = bytes("abcXYZ019-_.~!#$%&'*+^`|")
        for _ in 0..<300 {
            var map = HeaderMap()
            var lines = ["PATCH [patch] /t origin 1.1"]
            try map.append(.host, bytes("h").span)
            lines.append("host: h #host")
            for _ in 0..<random.next() % 12 {
                let name =
                    bytes("x-")
                    + (0..<random.next() % 40).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] }
                let value = (0..<random.next() % 70).map { _ in UInt8(0x21 + random.next() % 0x5e) }
                try map.append(name: name.span, value: value.span)
                let id = HeaderName.find(name.span).text
                lines.append(
                    "\(String(decoding: name, as: UTF8.self).lowercased()): \(String(decoding: value, as: UTF8.self)) #\(id)"
                )
            }
            var out: [UInt8] = []
            try HTTP1Encoder.requestHead(
                method: bytes("PATCH").span, target: bytes("/t").span, headers: map, framing: .length(0), into: &out)
            lines += ["content-length: 0 #content-length", "head length(0) keepAlive", "end"]
            #expect(DecodeDriver.run([out]) == DecodeResult(lines: lines))
        }
    }
}
