// Requests that are right: events, framing, pipelining, the three cuts and truncations.

import HTTPCodec
import Testing

@Suite struct HTTP1RequestTests {
    static let wellFormed: [(String, [String])] = [
        (
            "GET /a?b=c HTTP/1.1\r\nHost: example.com\r\nUser-Agent: curl/8\r\nX-Odd_name!:  spaced \t\r\n\r\n",
            [
                "GET [get] /a?b=c origin 1.1", "Host: example.com #host", "User-Agent: curl/8 #user-agent",
                "X-Odd_name!: spaced #", "head none keepAlive", "end",
            ]
        ),
        (
            "\r\nPOST /up HTTP/1.1\r\nhost:a\r\nCONTENT-LENGTH: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
            [
                "POST [post] /up origin 1.1", "host: a #host", "CONTENT-LENGTH: 5 #content-length",
                "head length(5) keepAlive",
                "body hello", "end", "GET [get] / origin 1.1", "Host: [::1]:8080 #host", "head none keepAlive", "end",
            ]
        ),
        (
            "PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nExpect: 100-Continue\r\n\r\n"
                + "4;x=1;y=\"q\\\"\";z\r\nwiki\r\n00A\r\n0123456789\r\n0\r\nX-Sum: 9\r\n\r\n",
            [
                "PUT [put] /c origin 1.1", "Host: a #host", "Transfer-Encoding: Chunked #transfer-encoding",
                "Expect: 100-Continue #expect", "head chunked keepAlive continue", "body wiki0123456789",
                "trailer X-Sum: 9", "end",
            ]
        ),
        (
            "PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nHEAD / HTTP/1.1\r\nHost:\r\n\r\n",
            [
                "PUT [put] /c origin 1.1", "Host: a #host", "Transfer-Encoding: chunked #transfer-encoding",
                "head chunked keepAlive", "body x", "end", "HEAD [head] / origin 1.1", "Host:  #host",
                "head none keepAlive",
                "end",
            ]
        ),
        (
            "GET / HTTP/1.0\r\n\r\nignored after the end",
            ["GET [get] / origin 1.0", "head none ", "end"]
        ),
        (
            "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE ,,y\r\n\r\nGET",
            [
                "GET [get] / origin 1.0", "Connection: Keep-Alive #connection", "head none keepAlive", "end",
                "GET [get] /2 origin 1.1", "Host: a #host", "Connection: x, CLOSE ,,y #connection", "head none ", "end",
            ]
        ),
        (
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\nGET http://user.example:80/p?q HTTP/1.1\r\nHost: b\r\n\r\n"
                + "PURGE /x HTTP/1.1\r\nHost: b\r\n\r\nSUPERLONGMETHOD / HTTP/1.1\r\nHost: b\r\n\r\n",
            [
                "OPTIONS [options] * asterisk 1.1", "Host: a #host", "head none keepAlive", "end",
                "GET [get] http://user.example:80/p?q absolute 1.1", "Host: b #host", "head none keepAlive", "end",
                "PURGE [other] /x origin 1.1", "Host: b #host", "head none keepAlive", "end",
                "SUPERLONGMETHOD [other] / origin 1.1", "Host: b #host", "head none keepAlive", "end",
            ]
        ),
        (
            "CONNECT db.example:443 HTTP/1.1\r\nHost: db.example:443\r\n\r\n\u{16}\u{3}GET / HTTP/1.1\r\n",
            [
                "CONNECT [connect] db.example:443 authority 1.1", "Host: db.example:443 #host", "head tunnel ",
                "tunnel \u{16}\u{3}GET / HTTP/1.1\r\n",
            ]
        ),
        (
            "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nExpect: tea\r\n\r\n",
            [
                "GET [get] /ws origin 1.1", "Host: a #host", "Connection: keep-alive, Upgrade #connection",
                "Upgrade: websocket #upgrade", "Expect: tea #expect", "head none keepAlive expectation upgrade", "end",
            ]
        ),
    ]

    @Test(arguments: wellFormed.indices)
    func everyCutYieldsTheSameEvents(index: Int) {
        let (text, expected) = Self.wellFormed[index]
        for pieces in DecodeDriver.allCuts(of: Array(text.utf8)) {
            let result = DecodeDriver.run(pieces)
            #expect(result == DecodeResult(lines: expected), "cut after \(pieces[0].count)")
            if result != DecodeResult(lines: expected) { return }
        }
    }

    @Test(arguments: wellFormed.indices)
    func everyTruncationNeedsMoreAndNeverEndsEarly(index: Int) {
        let (text, expected) = Self.wellFormed[index]
        let bytes = Array(text.utf8)
        for size in 0..<bytes.count {
            let result = DecodeDriver.run([Array(bytes[..<size])])
            #expect(result.error == nil)
            // What was yielded is a prefix of what the whole yields; the last line may be an unfinished body.
            let complete = result.lines.dropLast()
            #expect(Array(complete) == Array(expected.prefix(complete.count)))
        }
    }

    @Test func anEndInsideAMessageIsTruncated() {
        for text in [
            "G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a",
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab",
            "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        ] {
            #expect(DecodeDriver.run(text, endsWithClose: true).error == "truncated", "\(text)")
        }
        #expect(DecodeDriver.run("", endsWithClose: true).error == nil)
        #expect(DecodeDriver.run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", endsWithClose: true).error == nil)
    }

    @Test func aPausedDecoderLeavesBytesAloneUntilTheVerdict() throws {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
        for accepted in [true, false] {
            var decoder = HTTP1Decoder(.requests, pausesOnUpgrade: true)
            var kept = Array((head + "GET /2 HTTP/1.1\r\n").utf8)
            while true {
                let event = try decoder.next(kept.span)
                kept.removeFirst(decoder.consumedBytes)
                if event == .messageEnd { break }
            }
            let paused = decoder.isPaused
            #expect(paused)
            let event = try decoder.next(kept.span)
            let used = decoder.consumedBytes
            #expect(event == .needMore && used == 0)
            if accepted {
                decoder.becomeTunnel()
                let tunnel = try decoder.next(kept.span)
                #expect(tunnel == .tunnelBytes(ByteRange(0, count: kept.count)))
            } else {
                decoder.declineUpgrade()
                guard case .requestLine = try decoder.next(kept.span) else {
                    Issue.record("The next request is read.")
                    return
                }
            }
        }
    }
}
