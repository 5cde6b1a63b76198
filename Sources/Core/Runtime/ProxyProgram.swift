// The entry that every executable calls: command line in, exit code out.

package import CoreConfig
import Glibc

/// What a program is: its name, and the extensions that its Main registers.
package struct ProxyProgram {
    package var name: String
    package var registry: ExtensionRegistry
    /// The filter that the quick mode puts before its upstreams.
    package var quickFilter: QuickMode.TerminalFilter

    package init(name: String, registry: ExtensionRegistry, quickFilter: QuickMode.TerminalFilter) {
        self.name = name
        self.registry = registry
        self.quickFilter = quickFilter
    }

    /// Runs the program to its end: exit code 0 when it served and drained, or the configuration is valid; 1 when it
    /// could not start; 128 + n when a second signal n cut the drain short.
    package func main() -> Never {
        switch CommandLineOutcome.read(Array(CommandLine.arguments.dropFirst())) {
        case .run(let options): exit(run(options))
        case .stop(let text, let code):
            ProxyProgram.write(text + "\n", to: code == 0 ? 1 : 2)
            exit(code)
        }
    }

    private func run(_ options: CommandLineOptions) -> Int32 {
        let quick = options.isQuickMode ? QuickMode.yaml(options, terminalFilter: quickFilter) : nil
        if options.printConfig {
            ProxyProgram.write(quick ?? "", to: 1)
            return 0
        }
        if options.version {
            ProxyProgram.write("\(name)  version: \(ProgramVersion.text(program: name))\n", to: 1)
            return 0
        }
        let config = ConfigLoader(catalog: registry.catalog).load(options, quickModeYAML: quick)
        guard report(config.problems, options) else { return 1 }
        let process = ProxyProcess(name: name, options: options, config: config, registry: registry)
        guard report(process.build(), options) else { return 1 }
        if options.mode == .validate {
            ProxyProgram.write("configuration '\(options.configPath ?? ConfigLoader.inlineName)' OK\n", to: 1)
            return 0
        }
        guard report(process.bind(), options) else { return 1 }
        return process.run()
    }

    /// Prints all problems; false when one of them is an error.
    private func report(_ problems: [ConfigProblem], _ options: CommandLineOptions) -> Bool {
        for problem in problems { ProxyProgram.write(problem.description + "\n", to: 2) }
        return !problems.hasErrors
    }

    private static func write(_ text: String, to fd: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var sent = 0
            while sent < bytes.count {
                let n = Glibc.write(fd, bytes.baseAddress! + sent, bytes.count - sent)
                if n <= 0 { return }
                sent += n
            }
        }
    }
}
