import CoreBytes
import Glibc
import Testing

@testable import Core

@Suite struct LogFileTests {
    /// A directory of its own, removed at the end.
    private final class Folder {
        let path: String
        init() throws {
            var template = Array("/tmp/sluice-log-XXXXXX".utf8CString)
            path = try #require(mkdtemp(&template).map { String(cString: $0) })
        }
        deinit {
            for name in ["log", "log.1", "other"] { unlink("\(path)/\(name)") }
            rmdir(path)
        }
        func read(_ name: String) -> String { TextFile.read("\(path)/\(name)") ?? "" }
        func lines(_ name: String) -> Int { read(name).utf8.count { $0 == 10 } }
    }

    private func limits(flush: Int = 64 << 10, intervalMS: Int64 = 10_000, buffer: Int = 4 << 20) -> LogFile.Limits {
        var limits = LogFile.Limits()
        limits.flushBytes = flush
        limits.flushIntervalMS = intervalMS
        limits.bufferBytes = buffer
        return limits
    }

    private func append(_ file: LogFile, _ text: String) { file.append(Array(text.utf8).span) }

    private func wait(_ what: String, _ condition: () -> Bool) {
        for _ in 0..<500 {
            if condition() { return }
            usleep(10_000)
        }
        Issue.record("waited too long: \(what)")
    }

    @Test func linesWaitForTheIntervalThenCountIt() throws {
        let folder = try Folder()
        let file = try LogFile(path: "\(folder.path)/log", limits: limits(intervalMS: 500))
        append(file, "one\n")
        #expect(file.readCounts().bufferedBytes == 4)
        wait("the timer") { folder.read("log") == "one\n" }
        wait("the count") { file.readCounts().flushedByTimer == 1 }
        #expect(file.readCounts().bufferedBytes == 0)
        #expect(file.readCounts().writeBuffered == 1)
        file.stop()
    }

    @Test func aFullBufferIsWrittenAtOnce() throws {
        let folder = try Folder()
        let file = try LogFile(path: "\(folder.path)/log", limits: limits(flush: 100))
        for _ in 0..<30 { append(file, "0123456789\n") }
        wait("the size") { folder.lines("log") >= 10 }
        file.flush()
        #expect(folder.lines("log") == 30)
        #expect(file.readCounts().flushedByTimer == 0)
        file.stop()
    }

    @Test func stopWritesWhatIsQueued() throws {
        let folder = try Folder()
        let file = try LogFile(path: "\(folder.path)/log", limits: limits())
        append(file, "last words\n")
        file.stop()
        #expect(folder.read("log") == "last words\n")
        append(file, "too late\n")
        #expect(file.readCounts().writeDropped == 1)
    }

    @Test func reopenLosesNoLine() throws {
        let folder = try Folder()
        let path = "\(folder.path)/log"
        let file = try LogFile(path: path, limits: limits(flush: 256))
        for round in 0..<2_000 {
            append(file, "line \(round)\n")
            if round == 1_000 {
                rename(path, "\(path).1")
                file.reopen()
            }
            // From here on the new file is in place.
            if round == 1_500 { file.flush() }
        }
        file.flush()
        #expect(folder.lines("log") + folder.lines("log.1") == 2_000)
        #expect(folder.lines("log") >= 499)
        #expect(folder.lines("log.1") >= 1_000)
        file.stop()
    }

    @Test func reopenThatFailsKeepsTheOldFile() throws {
        let folder = try Folder()
        let path = "\(folder.path)/log"
        let file = try LogFile(path: path, limits: limits())
        rename(path, "\(path).1")
        mkdir(path, 0o755)
        defer { rmdir(path) }
        file.reopen()
        append(file, "still here\n")
        file.flush()
        wait("the failure") { file.readCounts().reopenFailed == 1 }
        #expect(folder.read("log.1") == "still here\n")
        file.stop()
    }

    @Test func removedFileLosesNoConnection() throws {
        let folder = try Folder()
        let file = try LogFile(path: "\(folder.path)/log", limits: limits())
        unlink("\(folder.path)/log")
        append(file, "into the void\n")
        file.flush()
        #expect(file.readCounts().writeFailed == 0)
        file.reopen()
        append(file, "back\n")
        file.flush()
        #expect(folder.read("log") == "back\n" || folder.read("log") == "")
        append(file, "again\n")
        file.flush()
        #expect(folder.read("log").hasSuffix("again\n"))
        file.stop()
    }

    /// `/dev/full` says ENOSPC to every write.
    @Test func fullDiskKeepsABoundedBufferAndCounts() throws {
        let file = try LogFile(path: "/dev/full", limits: limits(flush: 10, intervalMS: 20, buffer: 100))
        for _ in 0..<50 { append(file, "0123456789\n") }
        wait("a failure") { file.readCounts().writeFailed >= 1 }
        let counts = file.readCounts()
        #expect(counts.writeBuffered == 50)
        #expect(counts.writeDropped == 41)
        #expect(counts.bufferedBytes == 99)
        #expect(counts.writeCompleted == 0)
        file.stop()
    }

    @Test func aPathThatCannotBeOpenedIsAnError() throws {
        let error = try #require(throws: LogFileError.self) { try LogFile(path: "/nonexistent/dir/log") }
        #expect(error.description == "unable to open file '/nonexistent/dir/log': No such file or directory")
    }

    @Test func onePathIsOneFile() throws {
        let folder = try Folder()
        let files = LogFiles()
        #expect(try files.open("\(folder.path)/log") === files.open("\(folder.path)/log"))
        #expect(try files.open("\(folder.path)/log") !== files.open("\(folder.path)/other"))
        #expect(files.standardOutput === files.standardOutput)
    }

    @Test func statsHaveEnvoysNames() throws {
        let folder = try Folder()
        let store = StatsStore()
        let worker = store.makeWorker(name: "main")
        let manager = AccessLogManager(store: store, stats: worker)
        append(try manager.files.open("\(folder.path)/log"), "x\n")
        manager.publishStats()
        let scope: StatScope<FilesystemStat> = store.scope(prefix: FilesystemStat.prefix)
        #expect(store.value(scope, .writeBuffered) == 1)
        #expect(store.value(scope, .writeTotalBuffered) == 2)
        manager.files.flushAll()
        manager.publishStats()
        #expect(store.value(scope, .writeBuffered) == 1)
        #expect(store.value(scope, .writeCompleted) == 1)
        #expect(store.value(scope, .writeTotalBuffered) == 0)
        manager.stop()
    }

    @Test func fourWorkersLoseAndTearNoLine() throws {
        let folder = try Folder()
        let file = try LogFile(path: "\(folder.path)/log", limits: limits(flush: 4 << 10))
        let log = AccessLog(format: try AccessLogFormat(text: "%CONNECTION_ID% %UPSTREAM_HOST% end\n"), file: file)
        runThreads(4) { thread in
            let writer = AccessLogWriter(random: FastRandom(seed: UInt64(thread)))
            for round in 0..<5_000 {
                var info = AccessLogFormatTests.makeInfo()
                info.connectionID = UInt64(thread * 5_000 + round)
                writer.write([log], &info, .tcpConnectionEnd, now: AccessLogFormatTests.start)
            }
        } meanwhile: {
            for _ in 0..<20 {
                file.reopen()
                usleep(1_000)
            }
        }
        file.flush()
        let lines = folder.read("log").split(separator: "\n")
        #expect(lines.count == 20_000)
        var seen = Set<Int>()
        for line in lines {
            let parts = line.split(separator: " ")
            guard parts.count == 3, parts[2] == "end", let id = Int(parts[0]) else {
                Issue.record("torn line \(line)")
                continue
            }
            seen.insert(id)
        }
        #expect(seen.count == 20_000)
        file.stop()
    }

    @Test func filtersDecideBeforeFormatting() throws {
        let folder = try Folder()
        let file = try LogFile(path: "\(folder.path)/log", limits: limits())
        let log = AccessLog(
            filter: .logType([.tcpConnectionEnd], excludes: false),
            format: try AccessLogFormat(text: "%ACCESS_LOG_TYPE%\n"), file: file)
        let writer = AccessLogWriter()
        var info = AccessLogFormatTests.makeInfo()
        for type in [AccessLogType.tcpUpstreamConnected, .tcpPeriodic, .tcpConnectionEnd] {
            writer.write([log], &info, type, now: .never)
        }
        file.stop()
        #expect(folder.read("log") == "TcpConnectionEnd\n")
    }
}
