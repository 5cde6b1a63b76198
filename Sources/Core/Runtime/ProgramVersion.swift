// Which program this is, in Envoy's form, so that scripts that take it apart keep working.

/// `program/version/state/build/tls`, as `--version`, `/server_info` and the home page show it.
package enum ProgramVersion {
    package static let number = "0.1.0"
    /// `server.version`: the same, two digits a part.
    package static let statValue: UInt64 = 100

    package static func text(program: String) -> String {
        #if DEBUG
            let build = "DEBUG"
        #else
            let build = "RELEASE"
        #endif
        return "\(program)/\(number)/Clean/\(build)/no-tls"
    }
}
