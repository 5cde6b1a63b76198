// What a policy's specification says that cannot be compiled: every problem with its place inside the message.

/// Thrown by everything that turns a configuration message into a policy. It collects: one load shows all problems.
public struct CompileFailure: Error, Equatable, Sendable {
    public struct Problem: Equatable, Sendable, CustomStringConvertible {
        /// The place, relative to the message handed in, as configuration errors spell it:
        /// `rules.policies["a"].permissions[0].destination_ip`. Empty: the message itself.
        public var path: String
        /// A sentence without a full stop.
        public var text: String

        public init(path: String = "", text: String) {
            self.path = path
            self.text = text
        }

        public var description: String { path.isEmpty ? text : "\(path): \(text)" }
    }

    public private(set) var problems: [Problem]

    public init(_ problems: [Problem]) { self.problems = problems }

    public init(_ text: String, at path: String = "") { problems = [Problem(path: path, text: text)] }

    /// The same problems seen from the parent: every path gains `step` in front.
    public func inside(_ step: String) -> CompileFailure {
        CompileFailure(
            problems.map { problem in
                let joint = problem.path.isEmpty || problem.path.hasPrefix("[") ? "" : "."
                return Problem(path: step + joint + problem.path, text: problem.text)
            })
    }
}

extension CompileFailure: CustomStringConvertible {
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// Gathers the problems of several parts before throwing them together.
struct ProblemCollector {
    private(set) var problems: [CompileFailure.Problem] = []

    var isEmpty: Bool { problems.isEmpty }

    mutating func add(_ text: String, at path: String) {
        problems.append(CompileFailure.Problem(path: path, text: text))
    }

    mutating func add(_ failure: CompileFailure) { problems += failure.problems }

    /// Runs `body`; a failure is kept, placed inside `step`, and nil returned.
    mutating func attempt<Value>(_ step: String, _ body: () throws(CompileFailure) -> Value) -> Value? {
        do throws(CompileFailure) {
            return try body()
        } catch {
            add(error.inside(step))
            return nil
        }
    }

    func throwIfAny() throws(CompileFailure) {
        if !problems.isEmpty { throw CompileFailure(problems) }
    }
}
