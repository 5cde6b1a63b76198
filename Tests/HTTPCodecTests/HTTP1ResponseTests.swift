// Responses: framing by status and request method, interim responses, upgrades and bodies that end with the connection.

import HTTPCodec
import Testing

@Suite struct HTTP1ResponseTests {
    struct Case: Sendable {
        let text: String
        let methods: [HTTP1Method]
        var closes = false
        let lines: [String]
    }

    static let wellFormed: [Case] = [
        Case(
            text:
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
            methods: [.get, .get],
            lines: [
                "200 [OK] 1.1", "Content-Length: 2 #content-length", "head length(2) keepAlive", "body ok", "end",
                "304 [Not Modified] 1.1", "Content-Length: 9 #content-length", "head none keepAlive", "end",
            ]),
        Case(
            text: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nHTTP/1.1 200 \r\nContent-Length: 1\r\n\r\nx",
            methods: [.head, .get],
            lines: [
                "200 [OK] 1.1", "Content-Length: 2 #content-length", "head none keepAlive", "end",
                "200 [] 1.1", "Content-Length: 1 #content-length", "head length(1) keepAlive", "body x", "end",
            ]),
        Case(
            text: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            methods: [.put],
            lines: [
                "100 [Continue] 1.1", "head none keepAlive interim", "103 [] 1.1", "Link: x #link",
                "head none keepAlive interim", "204 [No Content] 1.1", "head none keepAlive", "end",
            ]),
        Case(
            text: "HTTP/1.0 200 OK\r\n\r\nall the rest", methods: [.get], closes: true,
            lines: ["200 [OK] 1.0", "head untilClose ", "body all the rest", "end"]),
        Case(
            text: "HTTP/1.1 200 caf\u{e9}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nServer: x\r\n\r\n",
            methods: [.get],
            lines: [
                "200 [caf\u{e9}] 1.1", "Transfer-Encoding: chunked #transfer-encoding", "head chunked keepAlive",
                "body abc",
                "trailer Server: x", "end",
            ]),
        Case(
            text: "HTTP/1.1 101 Switching\r\nUpgrade: ws\r\nConnection: upgrade\r\n\r\nraw", methods: [.get],
            lines: [
                "101 [Switching] 1.1", "Upgrade: ws #upgrade", "Connection: upgrade #connection", "head tunnel upgrade",
                "tunnel raw",
            ]),
        Case(
            text: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nraw bytes", methods: [.connect],
            lines: ["200 [OK] 1.1", "Content-Length: 3 #content-length", "head tunnel ", "tunnel raw bytes"]),
        Case(
            text: "HTTP/1.1 407 No\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", methods: [.connect],
            lines: [
                "407 [No] 1.1", "Content-Length: 3 #content-length", "Connection: close #connection", "head length(3) ",
                "body abc", "end",
            ]),
    ]

    @Test(arguments: wellFormed.indices)
    func everyCutYieldsTheSameEvents(index: Int) {
        let test = Self.wellFormed[index]
        for pieces in DecodeDriver.allCuts(of: Array(test.text.utf8)) {
            let result = DecodeDriver.run(
                pieces, role: .responses, responsesTo: test.methods, endsWithClose: test.closes)
            #expect(result == DecodeResult(lines: test.lines), "cut after \(pieces[0].count)")
            if result != DecodeResult(lines: test.lines) { return }
        }
    }

    static let refused: [(String, HTTP1Method, String)] = [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", .get,
            "lengthAndTransferEncoding"
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", .get, "unsupportedTransferCoding"),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .get, "transferEncodingBeforeHTTP11"),
        ("HTTP/1.1 204 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .get, "bodyNotAllowed"),
        ("HTTP/1.1 204 OK\r\nContent-Length: 1\r\n\r\n", .get, "bodyNotAllowed"),
        ("HTTP/1.1 100 OK\r\nContent-Length: 1\r\n\r\n", .get, "bodyNotAllowed"),
        ("HTTP/1.1 101 OK\r\n\r\n", .get, "badStatusLine"),
        ("HTTP/1.1 99 OK\r\n\r\n", .get, "badStatusLine"),
        ("HTTP/1.1 0200 OK\r\n", .get, "badStatusLine"),
        ("HTTP/1.1  200 OK\r\n", .get, "badStatusLine"),
        ("HTTP/1.1 20x OK\r\n", .get, "badStatusLine"),
        ("HTTP/1.1 200OK  \r\n", .get, "badStatusLine"),
        ("HTTP/1.1 200 O\u{0}K\r\n", .get, "badStatusLine"),
        ("HTTP/1.1 200 OK\n\r\n", .get, "bareLineFeed"),
        ("HTTP/1.1 200 OK\rX\r\n", .get, "bareCarriageReturn"),
        ("HTTP/2.0 200 OK\r\n\r\n", .get, "unsupportedVersion"),
        ("ICY 200 OK\r\n\r\n", .get, "badVersion"),
        ("\r\nHTTP/1.1 200 OK\r\n\r\n", .get, "badVersion"),
    ]

    @Test(arguments: refused.indices)
    func badResponseIsRefusedForItsReason(index: Int) {
        let (text, method, reason) = Self.refused[index]
        for pieces in DecodeDriver.allCuts(of: Array(text.utf8)) {
            let error = DecodeDriver.run(pieces, role: .responses, responsesTo: [method]).error
            #expect(error == reason, "\(text.debugDescription)")
            if error != reason { return }
        }
    }

    @Test func bytesThatNobodyAskedForAreRefused() {
        let twice = "HTTP/1.1 204 x\r\n\r\nHTTP/1.1 204 x\r\n\r\n"
        #expect(DecodeDriver.run(twice, role: .responses, responsesTo: [.get]).error == "unsolicitedResponse")
        #expect(DecodeDriver.run("H", role: .responses).error == "unsolicitedResponse")
    }

    @Test func anEndBeforeTheResponseIsTruncated() {
        for text in ["", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"] {
            #expect(
                DecodeDriver.run(text, role: .responses, responsesTo: [.get], endsWithClose: true).error == "truncated")
        }
    }
}
