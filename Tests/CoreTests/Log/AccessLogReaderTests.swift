import ConfigAPI
import CoreConfig
import Glibc
import SwiftProtobuf
import Testing

@testable import Core

@Suite struct AccessLogReaderTests {
    private typealias Log = Envoy_Config_Accesslog_V3_AccessLog
    private typealias FileLog = Envoy_Extensions_AccessLoggers_File_V3_FileAccessLog

    private func read(_ change: (inout Log) -> Void) -> (logs: [AccessLog], problems: [ConfigProblem]) {
        let store = StatsStore()
        let manager = AccessLogManager(store: store, stats: store.makeWorker(name: "main"))
        var message = Log()
        message.name = "envoy.access_loggers.file"
        change(&message)
        var problems: [ConfigProblem] = []
        let logs = manager.make([message], path: "access_log", problems: &problems)
        return (logs, problems)
    }

    private func file(_ change: (inout FileLog) -> Void = { _ in }) -> Google_Protobuf_Any {
        var log = FileLog()
        log.path = "/dev/null"
        change(&log)
        return Google_Protobuf_Any(packing: log)
    }

    private func write(_ log: AccessLog) -> String { AccessLogFormatTests.write(log.format) }

    @Test func fileWithoutFormatHasTheDefault() throws {
        let result = read { $0.typedConfig = file() }
        #expect(result.problems.isEmpty)
        #expect(write(try #require(result.logs.first)).hasPrefix("[2026-11-23T09:07:48.235Z] \"- - -\""))
        #expect(result.logs[0].file.path == "/dev/null")
    }

    @Test func allFormsOfFormat() throws {
        let object = Google_Protobuf_Struct(fields: ["sent": "%BYTES_SENT%", "none": "%REQ(x)%"])
        let forms: [((inout FileLog) -> Void, String)] = [
            ({ $0.format = "old %BYTES_SENT%\n" }, "old 10\n"),
            ({ $0.jsonFormat = object }, "{\"none\":null,\"sent\":10}\n"),
            ({ $0.typedJsonFormat = object }, "{\"none\":null,\"sent\":10}\n"),
            ({ $0.logFormat.textFormat = "a%REQ(x)%" }, "a-"),
            ({ $0.logFormat.textFormatSource.inlineString = "b%BYTES_SENT%" }, "b10"),
            (
                {
                    $0.logFormat.jsonFormat = object
                    $0.logFormat.omitEmptyValues = true
                }, "{\"sent\":10}\n"
            ),
        ]
        for (change, expected) in forms {
            let result = read { $0.typedConfig = file(change) }
            #expect(result.problems.isEmpty)
            #expect(write(try #require(result.logs.first)) == expected)
        }
    }

    @Test func streams() throws {
        let out = read {
            $0.typedConfig = Google_Protobuf_Any(packing: Envoy_Extensions_AccessLoggers_Stream_V3_StdoutAccessLog())
        }
        #expect(out.logs.first?.file.path == "<stdout>")
        let error = read {
            $0.typedConfig = Google_Protobuf_Any(packing: Envoy_Extensions_AccessLoggers_Stream_V3_StderrAccessLog())
        }
        #expect(error.logs.first?.file.path == "<stderr>")
    }

    @Test func bareStdoutLoadsWithAWarning() {
        let result = read { $0.name = "envoy.access_loggers.stdout" }
        #expect(result.logs.count == 1)
        #expect(result.problems.map(\.severity) == [.warning])
        #expect(!read { _ in }.problems.isEmpty)
    }

    @Test(arguments: [
        ("%NOPE%", "access_log[0].typed_config.log_format.text_format_source", "unknown operator NOPE (at offset 0)"),
        ("ok %REQ%", "access_log[0].typed_config.log_format.text_format_source", "needs an argument"),
    ])
    func badFormatsSayWhere(_ format: String, _ path: String, _ words: String) {
        let result = read { $0.typedConfig = file { $0.logFormat.textFormatSource.inlineString = format } }
        #expect(result.logs.isEmpty)
        #expect(result.problems.map(\.path) == [path])
        #expect(result.problems[0].text.contains(words))
    }

    @Test func aFileThatCannotBeOpenedSaysWhy() {
        let result = read { $0.typedConfig = file { $0.path = "/nonexistent/x/log" } }
        #expect(result.problems.map(\.path) == ["access_log[0].typed_config.path"])
        #expect(result.problems[0].text.contains("No such file or directory"))
    }

    @Test func unknownTypeNamesTheKnownOnes() {
        let result = read { $0.typedConfig = Google_Protobuf_Any(packing: Google_Protobuf_Duration()) }
        #expect(result.problems[0].allowed?.contains("file.v3.FileAccessLog") == true)
    }

    @Test func filtersCompile() throws {
        let result = read {
            $0.typedConfig = file()
            var duration = Envoy_Config_Accesslog_V3_AccessLogFilter()
            duration.durationFilter.comparison.op = .ge
            duration.durationFilter.comparison.value.defaultValue = 100
            var flags = Envoy_Config_Accesslog_V3_AccessLogFilter()
            flags.responseFlagFilter.flags = ["UF", "UH"]
            var types = Envoy_Config_Accesslog_V3_AccessLogFilter()
            types.logTypeFilter.types = [.tcpConnectionEnd]
            var either = Envoy_Config_Accesslog_V3_AccessLogFilter()
            either.orFilter.filters = [flags, types]
            $0.filter.andFilter.filters = [duration, either]
        }
        #expect(result.problems.isEmpty)
        guard case .all(let parts)? = result.logs.first?.filter, parts.count == 2 else {
            Issue.record("not an and filter")
            return
        }
    }

    @Test func badFiltersSayWhere() {
        let flags = read {
            $0.typedConfig = file()
            $0.filter.responseFlagFilter.flags = ["UF", "XX"]
        }
        #expect(flags.problems.map(\.path) == ["access_log[0].filter.response_flag_filter.flags[1]"])
        #expect(flags.problems[0].found == "\"XX\"")
        let single = read {
            $0.typedConfig = file()
            $0.filter.andFilter.filters = [Envoy_Config_Accesslog_V3_AccessLogFilter()]
        }
        #expect(single.problems.map(\.path) == ["access_log[0].filter.and_filter.filters"])
        let empty = read {
            $0.typedConfig = file()
            $0.filter = Envoy_Config_Accesslog_V3_AccessLogFilter()
        }
        #expect(empty.problems.map(\.path) == ["access_log[0].filter"])
    }
}
