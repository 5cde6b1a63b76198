// Requests that are wrong, by attack class: each is refused for its own reason, however it is cut.

import HTTPCodec
import Testing

@Suite struct HTTP1SmugglingTests {
    static let head = "POST / HTTP/1.1\r\nHost: a\r\n"

    static let refused: [(String, String)] = [
        // CL.TE, TE.CL, CL.CL, TE.TE
        (head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", "lengthAndTransferEncoding"),
        (head + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n", "lengthAndTransferEncoding"),
        (head + "Content-Length: 4\r\nContent-Length: 5\r\n\r\n", "repeatedContentLength"),
        (head + "Content-Length: 4\r\nContent-Length: 4\r\n\r\n", "repeatedContentLength"),
        (head + "Content-Length: 4, 4\r\n\r\n", "badContentLength"),
        (head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n", "repeatedTransferEncoding"),
        (head + "Transfer-Encoding: chunked, chunked\r\n\r\n", "badTransferEncoding"),
        (head + "Transfer-Encoding: gzip, chunked\r\n\r\n", "badTransferEncoding"),
        (head + "Transfer-Encoding: xchunked\r\n\r\n", "unsupportedTransferCoding"),
        (head + "Transfer-Encoding: identity\r\n\r\n", "unsupportedTransferCoding"),
        (head + "Transfer-Encoding: \u{b}chunked\r\n\r\n", "badFieldValue"),
        (head + "Transfer-Encoding: \"chunked\"\r\n\r\n", "badTransferEncoding"),
        (head + "Transfer-Encoding: chunked;q=1\r\n\r\n", "badTransferEncoding"),
        (head + "Transfer-Encoding:\r\n\r\n", "badTransferEncoding"),
        (head + "Transfer-Encoding : chunked\r\n\r\n", "whitespaceBeforeColon"),
        (head + "Transfer-Encoding\t: chunked\r\n\r\n", "whitespaceBeforeColon"),
        (head + "Transfer-Encoding\u{0}: chunked\r\n\r\n", "badFieldName"),
        (head + "Transfer\u{b5}Encoding: chunked\r\n\r\n", "badFieldName"),
        (head + "X: y\r\n Transfer-Encoding: chunked\r\n\r\n", "obsoleteFold"),
        (head + "Transfer-Encoding:\r\n\tchunked\r\n\r\n", "badTransferEncoding"),
        (head + "\tX: y\r\n\r\n", "obsoleteFold"),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "transferEncodingBeforeHTTP11"),
        // Lengths
        (head + "Content-Length: +4\r\n\r\n", "badContentLength"),
        (head + "Content-Length: -4\r\n\r\n", "badContentLength"),
        (head + "Content-Length: 0x4\r\n\r\n", "badContentLength"),
        (head + "Content-Length: 4 4\r\n\r\n", "badContentLength"),
        (head + "Content-Length: 1_000\r\n\r\n", "badContentLength"),
        (head + "Content-Length:\r\n\r\n", "badContentLength"),
        (head + "Content-Length: 9223372036854775808\r\n\r\n", "badContentLength"),
        (head + "Content-Length: 18446744073709551620\r\n\r\n", "badContentLength"),
        // Line ends and control characters
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", "bareLineFeed"),
        ("GET / HTTP/1.1\rHost: a\r\n\r\n", "bareCarriageReturn"),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", "bareLineFeed"),
        ("GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", "bareCarriageReturn"),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", "bareLineFeed"),
        ("GET / HTTP/1.1\r\nHost: a\r\n\rX", "bareCarriageReturn"),
        ("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", "bareCarriageReturn"),
        ("\n\nGET / HTTP/1.1\r\n", "badMethod"),
        ("\r\n\r\nGET / HTTP/1.1\r\n", "badMethod"),
        ("\rGET / HTTP/1.1\r\n", "bareCarriageReturn"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\u{0}b\r\n\r\n", "badFieldValue"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\u{7f}b\r\n\r\n", "badFieldValue"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{1b}[31m\r\n\r\n", "badFieldValue"),
        // Names
        ("GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", "badFieldName"),
        ("GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", "whitespaceBeforeColon"),
        ("GET / HTTP/1.1\r\nHost: a\r\nno-colon\r\n\r\n", "badFieldName"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX(y): x\r\n\r\n", "badFieldName"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\"y: x\r\n\r\n", "badFieldName"),
        ("GET / HTTP/1.1\r\nHost: a\r\n:path: /x\r\n\r\n", "badFieldName"),
        // Request line
        ("GET  / HTTP/1.1\r\n", "badTarget"),
        ("GET /  HTTP/1.1\r\n", "badVersion"),
        (" GET / HTTP/1.1\r\n", "badMethod"),
        ("GET\t/ HTTP/1.1\r\n", "badMethod"),
        ("GET /\tHTTP/1.1\r\n", "badTarget"),
        ("GET /\r\n", "badTarget"),
        ("GET /a b HTTP/1.1\r\n", "badVersion"),
        ("GET /a#b HTTP/1.1\r\n", "badTarget"),
        ("GET /\u{e9} HTTP/1.1\r\n", "badTarget"),
        ("GET / HTTP/1.1 \r\n", "badVersion"),
        ("GET / HTTP/1.1x\r\n", "badVersion"),
        ("GET / http/1.1\r\n", "badVersion"),
        ("GET / HTTP/01.1\r\n", "badVersion"),
        ("GET / HTTP/1.10\r\n", "badVersion"),
        ("GET / HTTP/2.0\r\n\r\n", "unsupportedVersion"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "unsupportedVersion"),
        ("GET / HTTP/1.2\r\n\r\n", "unsupportedVersion"),
        ("GET / X", "badVersion"),
        ("G@T / HTTP/1.1\r\n", "badMethod"),
        ("GET a.example HTTP/1.1\r\n", "badTarget"),
        ("GET * HTTP/1.1\r\n", "badTarget"),
        ("OPTIONS *x HTTP/1.1\r\n", "badTarget"),
        ("GET http:///x HTTP/1.1\r\n", "badTarget"),
        ("GET http://good@evil/ HTTP/1.1\r\n", "badTarget"),
        ("CONNECT / HTTP/1.1\r\n", "badTarget"),
        ("CONNECT a.example HTTP/1.1\r\n", "badTarget"),
        ("CONNECT a.example: HTTP/1.1\r\n", "badTarget"),
        ("CONNECT http://a:1/ HTTP/1.1\r\n", "badTarget"),
        ("CONNECT a:70000 HTTP/1.1\r\n", "badTarget"),
        // Host
        ("GET / HTTP/1.1\r\n\r\n", "missingHost"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "repeatedHost"),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "badHost"),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "badHost"),
        ("GET / HTTP/1.1\r\nHost: x@a\r\n\r\n", "badHost"),
        ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", "badHost"),
        ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "badHost"),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "badHost"),
        // Bodies where none may be
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 5\r\n\r\n", "bodyNotAllowed"),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nTransfer-Encoding: chunked\r\n\r\n", "bodyNotAllowed"),
        ("TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", "bodyNotAllowed"),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: a b\r\n\r\n", "badConnection"),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close;x\r\n\r\n", "badConnection"),
    ]

    static let chunked = head + "Transfer-Encoding: chunked\r\n\r\n"

    static let refusedChunks: [(String, String)] = [
        ("\r\n", "badChunkSize"), ("g\r\n", "badChunkSize"), ("-1\r\n", "badChunkSize"), ("+1\r\n", "badChunkSize"),
        ("0x1\r\n", "badChunkSize"), (" 1\r\n", "badChunkSize"), ("1 \r\n", "badChunkSize"),
        ("1 ;a\r\n", "badChunkSize"),
        ("1\n", "bareLineFeed"), ("1\rx", "bareCarriageReturn"), ("1_0\r\n", "badChunkSize"),
        ("fffffffffffffffff\r\n", "badChunkSize"), ("0000000000000001\r\n", "badChunkSize"),
        ("1;\r\n", "badChunkExtension"), ("1;a b\r\n", "badChunkExtension"), ("1;a=\r\n", "badChunkExtension"),
        ("1;a=\"x\r\n", "badChunkExtension"), ("1;a\n", "bareLineFeed"), ("1;a=\"\n\"", "bareLineFeed"),
        ("1;a=\u{0}\r\n", "badChunkExtension"), ("1;a\rX", "bareCarriageReturn"), ("1; a\r\n", "badChunkExtension"),
        ("1;a=\"b\"c\r\n", "badChunkExtension"),
        ("1\r\nab", "badChunkEnd"), ("1\r\na\n", "badChunkEnd"), ("1\r\na\rx", "badChunkEnd"),
        ("1\r\na\r\n\r\n", "badChunkSize"),
        ("0\r\nContent-Length: 5\r\n", "forbiddenTrailer"), ("0\r\nTransfer-Encoding: chunked\r\n", "forbiddenTrailer"),
        ("0\r\nHost: b\r\n", "forbiddenTrailer"), ("0\r\n x\r\n", "obsoleteFold"),
        ("0\r\nGET / HTTP/1.1\r\n", "whitespaceBeforeColon"),
        ("0\r\n\n", "bareLineFeed"), ("0\r\n\rX", "bareCarriageReturn"),
    ]

    @Test(arguments: refused.indices)
    func badHeadIsRefusedForItsReason(index: Int) {
        let (text, reason) = Self.refused[index]
        for pieces in DecodeDriver.allCuts(of: Array(text.utf8)) {
            let error = DecodeDriver.run(pieces).error
            #expect(error == reason, "\(text.debugDescription)")
            if error != reason { return }
        }
    }

    @Test(arguments: refusedChunks.indices)
    func badChunkIsRefusedForItsReason(index: Int) {
        let (text, reason) = Self.refusedChunks[index]
        for pieces in DecodeDriver.allCuts(of: Array((Self.chunked + text).utf8)) {
            let error = DecodeDriver.run(pieces).error
            #expect(error == reason, "\(text.debugDescription)")
            if error != reason { return }
        }
    }

    /// Every byte value at every place of a head: the verdict does not depend on the cut, and no control character passes.
    @Test func everyByteAtEveryPlaceHasOneVerdict() {
        let text = Array("PUT /a HTTP/1.1\r\nHost: a\r\nX-A: bc d\r\nContent-Length: 2\r\n\r\nok".utf8)
        let headCount = text.count - 2
        for place in 0..<headCount {
            for byte in UInt8.min...UInt8.max {
                var changed = text
                changed[place] = byte
                let whole = DecodeDriver.run([changed])
                let bytewise = DecodeDriver.run(changed.map { [$0] })
                if whole != bytewise { Issue.record("place \(place) byte \(byte): \(whole) \(bytewise)") }
                let control = byte < 0x20 && byte != 0x09 || byte == 0x7f
                if control, byte != text[place], whole.error == nil, whole.lines.contains("end") {
                    Issue.record("control \(byte) passes at \(place)")
                }
            }
        }
    }

    @Test func aFailedDecoderStaysFailed() {
        var decoder = HTTP1Decoder(.requests)
        var verdicts: [HTTP1DecodeError?] = []
        for text in ["GET / HTTP/1.1\nX", "GET / HTTP/1.1\r\n"] {
            let bytes = Array(text.utf8)
            do throws(HTTP1DecodeError) {
                _ = try decoder.next(bytes.span)
                verdicts.append(nil)
            } catch { verdicts.append(error) }
        }
        do throws(HTTP1DecodeError) {
            _ = try decoder.finish()
            verdicts.append(nil)
        } catch { verdicts.append(error) }
        #expect(verdicts == [.bareLineFeed(at: 14), .failedBefore, .failedBefore])
    }
}
