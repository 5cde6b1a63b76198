// Each limit at its edge: the last size that passes and the first that does not, whole and byte by byte.

import HTTPCodec
import Testing

@Suite struct HTTP1LimitTests {
    private func check(
        _ text: String, _ limits: HTTP1Limits, _ error: String?, at location: SourceLocation = #_sourceLocation
    ) {
        let bytes = Array(text.utf8)
        #expect(DecodeDriver.run([bytes], limits: limits).error == error, "whole", sourceLocation: location)
        #expect(
            DecodeDriver.run(bytes.map { [$0] }, limits: limits).error == error, "bytewise", sourceLocation: location)
    }

    @Test func startLineBytes() {
        var limits = HTTP1Limits()
        limits.startLineBytes = 40
        let room = 40 - "GET / HTTP/1.1\r\n".utf8.count
        let fits = "GET /" + String(repeating: "a", count: room) + " HTTP/1.1\r\nHost: a\r\n\r\n"
        check(fits, limits, nil)
        check(
            "GET /" + String(repeating: "a", count: room + 1) + " HTTP/1.1\r\nHost: a\r\n\r\n", limits,
            "startLineTooLong(limit: 40)")
        check(String(repeating: "A", count: 41), limits, "startLineTooLong(limit: 40)")
    }

    @Test func headBytes() {
        var limits = HTTP1Limits()
        limits.headBytes = 64
        let used = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n".utf8.count
        check("GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "v", count: 64 - used) + "\r\n\r\n", limits, nil)
        check(
            "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "v", count: 65 - used) + "\r\n\r\n", limits,
            "headTooLarge(limit: 64)")
        check(
            "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "v", count: 100), limits, "headTooLarge(limit: 64)")
        check("GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "n", count: 100), limits, "headTooLarge(limit: 64)")
    }

    @Test func headerCount() {
        var limits = HTTP1Limits()
        limits.headerCount = 3
        check("GET / HTTP/1.1\r\nHost: a\r\na: 1\r\nb: 2\r\n\r\n", limits, nil)
        check("GET / HTTP/1.1\r\nHost: a\r\na: 1\r\nb: 2\r\nc: 3\r\n\r\n", limits, "tooManyHeaders(limit: 3)")
    }

    @Test func trailers() {
        var limits = HTTP1Limits()
        limits.trailerCount = 2
        limits.trailerBytes = 32
        check(HTTP1SmugglingTests.chunked + "0\r\na: 1\r\nb: 2\r\n\r\n", limits, nil)
        check(HTTP1SmugglingTests.chunked + "0\r\na: 1\r\nb: 2\r\nc: 3\r\n\r\n", limits, "tooManyTrailers(limit: 2)")
        check(
            HTTP1SmugglingTests.chunked + "0\r\na: " + String(repeating: "1", count: 40) + "\r\n\r\n", limits,
            "trailersTooLarge(limit: 32)")
    }

    @Test func chunkExtensionsAreCountedOverTheWholeBody() {
        var limits = HTTP1Limits()
        limits.chunkExtensionBytes = 16
        let chunk = "1;ab\r\nx\r\n"
        check(HTTP1SmugglingTests.chunked + chunk + chunk + "0\r\n\r\n", limits, nil)
        check(
            HTTP1SmugglingTests.chunked + String(repeating: chunk, count: 8), limits,
            "chunkExtensionsTooLarge(limit: 16)")
    }

    @Test func statusesOfErrors() {
        #expect(HTTP1DecodeError.startLineTooLong(limit: 1).status == 414)
        #expect(HTTP1DecodeError.headTooLarge(limit: 1).status == 431)
        #expect(HTTP1DecodeError.unsupportedTransferCoding(at: 0).status == 501)
        #expect(HTTP1DecodeError.unsupportedVersion(at: 0).status == 505)
        #expect(HTTP1DecodeError.missingHost(at: 0).status == 400)
    }
}
