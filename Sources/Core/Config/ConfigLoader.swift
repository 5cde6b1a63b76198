// Loads a configuration: text → tree → walk → message, then the rules, then the references between its parts.
package import ConfigAPI
import Foundation
import SwiftProtobuf

/// A configuration as read, with everything that is wrong with it.
package struct LoadedConfig: Sendable {
    /// Complete when there are no errors; otherwise what could be read.
    package var bootstrap = Envoy_Config_Bootstrap_V3_Bootstrap()
    /// For problems that later stages find.
    package var document = ConfigDocument()
    /// Errors and warnings in the order of the text.
    package var problems: [ConfigProblem] = []

    package var hasErrors: Bool { problems.hasErrors }
}

/// Reads bootstraps.
package struct ConfigLoader: Sendable {
    /// The name under which `--config-yaml` appears in problems.
    package static let inlineName = "--config-yaml"
    private static let bootstrapName = Envoy_Config_Bootstrap_V3_Bootstrap.protoMessageName

    package var catalog: ExtensionCatalog
    /// Makes unknown fields warnings (`--allow-unknown-static-fields`).
    package var allowsUnknownFields = false

    package init(catalog: ExtensionCatalog = .core, allowsUnknownFields: Bool = false) {
        self.catalog = catalog
        self.allowsUnknownFields = allowsUnknownFields
    }

    /// Loads what the command line names: the file, then `--config-yaml` merged over it, or the quick mode's text.
    package func load(_ options: CommandLineOptions, quickModeYAML: String? = nil) -> LoadedConfig {
        var texts: [(name: String, bytes: [UInt8])] = []
        if let quickModeYAML { texts.append((CommandLineOptions.quickModeName, Array(quickModeYAML.utf8))) }
        if let path = options.configPath {
            switch Self.read(path) {
            case .success(let bytes): texts.append((path, bytes))
            case .failure(let problem): return LoadedConfig(problems: [problem])
            }
        }
        if let yaml = options.configYAML { texts.append((Self.inlineName, Array(yaml.utf8))) }
        guard !texts.isEmpty else {
            return LoadedConfig(problems: [
                ConfigProblem(path: "", allowed: "--config-path, --config-yaml", text: "no configuration")
            ])
        }
        var loader = self
        loader.allowsUnknownFields = allowsUnknownFields || options.allowUnknownStaticFields
        var loaded = loader.parse(texts)
        if options.skipDeprecatedLogs {
            loaded.problems.removeAll { $0.severity == .warning && $0.text == RuleChecker.deprecatedText }
        }
        return loaded
    }

    /// Loads one file.
    package func load(path: String) -> LoadedConfig {
        switch Self.read(path) {
        case .success(let bytes): return parse([(path, bytes)])
        case .failure(let problem): return LoadedConfig(problems: [problem])
        }
    }

    /// Loads one text. Takes any bytes: it never traps and its work is bounded.
    package func parse(bytes: [UInt8], fileName: String) -> LoadedConfig {
        parse([(fileName, bytes)])
    }

    /// Loads texts merged in order: later scalars override, lists append, messages merge.
    package func parse(_ texts: [(name: String, bytes: [UInt8])]) -> LoadedConfig {
        var loaded = LoadedConfig()
        var wire: [UInt8] = []
        for (name, bytes) in texts {
            let tree: YAMLTree
            do {
                tree = try YAMLComposer.compose(bytes)
            } catch {
                loaded.problems.append(
                    ConfigProblem(file: name, line: error.line, column: error.column, path: "", text: error.text))
                continue
            }
            var walker = DocumentWalker(
                tree: tree, fileName: name, isJSON: name.lowercased().hasSuffix(".json"), catalog: catalog,
                allowsUnknownFields: allowsUnknownFields)
            // Concatenated messages decode as merged ones.
            wire += walker.walk(as: Self.bootstrapName)
            loaded.problems += walker.problems
            loaded.document.sources.append(ConfigDocument.Source(name: name, tree: tree))
        }
        guard loaded.document.sources.count == texts.count else { return loaded }
        do {
            loaded.bootstrap = try Envoy_Config_Bootstrap_V3_Bootstrap(
                serializedBytes: wire, partial: true, options: AnyUnpacker.decodingOptions)
            if texts.count > 1 { wire = try loaded.bootstrap.serializedBytes(partial: true) }
        } catch {
            loaded.problems.append(ConfigProblem(path: "", text: "cannot be represented: \(error)"))
            return loaded
        }
        var later = RuleChecker.check(wire, messageName: Self.bootstrapName)
        var references = ReferenceChecker(catalog: catalog)
        later += references.check(loaded.bootstrap)
        let faulty = loaded.problems.filter { $0.severity == .error }
        loaded.problems += later.filter { !Self.follows($0, from: faulty) }.map(loaded.document.locate)
        let order = Dictionary(
            texts.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        loaded.problems = Self.sorted(loaded.problems, order)
        return loaded
    }

    /// Whether a problem found later is only the consequence of an error at the same place or right below it.
    private static func follows(_ problem: ConfigProblem, from faulty: [ConfigProblem]) -> Bool {
        guard problem.severity == .error else { return false }
        return faulty.contains { fault in
            guard !fault.path.isEmpty, fault.path.hasPrefix(problem.path) else { return false }
            let rest = fault.path.dropFirst(problem.path.count)
            return rest.isEmpty || problem.path.isEmpty || rest.first == "." || rest.first == "["
        }
    }

    private static func sorted(_ problems: [ConfigProblem], _ order: [String: Int]) -> [ConfigProblem] {
        problems.enumerated().sorted { a, b in
            let left = (order[a.element.file] ?? .max, a.element.line, a.element.column, a.offset)
            let right = (order[b.element.file] ?? .max, b.element.line, b.element.column, b.offset)
            return left < right
        }.map(\.element)
    }

    private enum ReadResult {
        case success([UInt8])
        case failure(ConfigProblem)
    }

    private static func read(_ path: String) -> ReadResult {
        let lower = path.lowercased()
        guard lower.hasSuffix(".yaml") || lower.hasSuffix(".yml") || lower.hasSuffix(".json") else {
            return .failure(
                ConfigProblem(
                    file: path, path: "", allowed: ".yaml, .yml, .json",
                    text: lower.hasSuffix(".pb") || lower.hasSuffix(".pb_text")
                        ? "binary and text protobuf files are not read" : "the file's name must say what it is"))
        }
        do {
            return .success([UInt8](try Data(contentsOf: URL(fileURLWithPath: path))))
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
            return .failure(ConfigProblem(file: path, path: "", text: "no such file"))
        } catch {
            return .failure(ConfigProblem(file: path, path: "", text: "cannot be read: \(error.localizedDescription)"))
        }
    }
}
