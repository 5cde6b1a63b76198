import Glibc
import Testing

@testable import Core

@Suite(.serialized) struct LoggerTests {
    private func line(_ pattern: LogPattern, _ message: String = "hello") -> String {
        let entry = LogEntry(
            wallNS: 1_700_000_000_123_456_789, component: .healthChecker, level: .warning, message: message,
            file: "Core/Log/File.swift", line: 42)
        var out: [UInt8] = []
        pattern.write(entry, into: &out)
        return String(decoding: out, as: UTF8.self)
    }

    @Test func defaultLineIsEnvoys() throws {
        let text = line(.standard)
        #expect(
            text.wholeMatch(
                of:
                    /\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.123\]\[\d+\]\[warning\]\[hc\] \[Core\/Log\/File\.swift:42\] hello/
            ) != nil)
    }

    @Test(arguments: [
        ("%v", "hello \"x\"\n"), ("%_", "hello \"x\"\\n"), ("%j", "hello \\\"x\\\"\\n"), ("%n", "hc"),
        ("%l", "warning"),
        ("%L", "W"), ("%g", "Core/Log/File.swift"), ("%s", "File.swift"), ("%#", "42"),
        ("%@", "Core/Log/File.swift:42"),
        ("%e %f %F %E", "123 123456 123456789 1700000000"), ("100%% %^x%$", "100% x"), ("%P", "\(getpid())"),
    ])
    func flags(_ pattern: String, _ expected: String) throws {
        #expect(line(try LogPattern(pattern), "hello \"x\"\n") == expected)
    }

    @Test(arguments: [("a %q", 2), ("%", 0), ("%v%!", 2)])
    func unknownFlagsAreErrors(_ pattern: String, _ offset: Int) throws {
        let error = try #require(throws: FormatError.self) { try LogPattern(pattern) }
        #expect(error.offset == offset)
    }

    @Test func jsonPattern() throws {
        let pattern = try LogPattern(json: ["Message": .string("%j"), "Level": .string("%l"), "L\"": .string("a\"%#")])
        #expect(line(pattern, "say \"hi\"") == #"{"L\"":"a\"42","Level":"warning","Message":"say \"hi\""}"#)
        #expect(throws: FormatError.self) { try LogPattern(json: ["m": .string("%v")]) }
        #expect(throws: FormatError.self) { try LogPattern(json: ["m": .number(1)]) }
    }

    @Test func levelsAreSetPerComponentAndAllTogether() throws {
        defer { Log.setLevel(.info) }
        Log.setLevel(.error)
        #expect(LogComponent.allCases.allSatisfy { Log.level(of: $0) == .error })
        try Log.setLevels("upstream:debug,hc:off,watchdog:trace")
        #expect(Log.level(of: .upstream) == .debug)
        #expect(Log.level(of: .healthChecker) == .off)
        #expect(Log.level(of: .watchdog) == .trace)
        #expect(Log.level(of: .admin) == .error)
        #expect(Log.isEnabled(.upstream, .debug) && !Log.isEnabled(.upstream, .trace))
        #expect(!Log.isEnabled(.healthChecker, .critical))
    }

    @Test(arguments: ["upstream", "nope:debug", "upstream:loud", "upstream:debug,nope:info"])
    func badSettingsChangeNothing(_ text: String) {
        defer { Log.setLevel(.info) }
        Log.setLevel(.info)
        #expect(throws: LogSettingError.self) { try Log.setLevels(text) }
        #expect(Log.level(of: .upstream) == .info)
    }

    @Test func namesRoundTrip() {
        for component in LogComponent.allCases { #expect(LogComponent(name: component.name) == component) }
        for level in LogLevel.allCases { #expect(LogLevel(name: level.name) == level) }
        #expect(LogLevel(name: "warn") == .warning)
        #expect(LogComponent.allCases.count <= 48)
    }

    @Test func disabledMessagesAreNotBuilt() throws {
        defer { Log.setLevel(.info) }
        Log.setLevel(.info)
        var built = 0
        func message() -> String {
            built += 1
            return "x"
        }
        Log.debug(.main, message())
        #expect(built == 0)
    }

    @Test func linesReachTheFile() throws {
        var template = Array("/tmp/sluice-applog-XXXXXX".utf8CString)
        let fd = mkstemp(&template)
        #expect(fd >= 0)
        close(fd)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unlink(path) }
        defer { Log.start(file: Log.standardError) }
        Log.start(file: try LogFile(path: path, limits: Log.lineLimits), pattern: try LogPattern("[%l][%n] %v"))
        Log.info(.config, "loaded")
        Log.debug(.config, "not this")
        Log.critical(.main, "gone")
        #expect(TextFile.read(path) == "[info][config] loaded\n[critical][main] gone\n")
    }
}
