// Settings whose value the runtime may replace: a default and a key.

public import ConfigAPI
import SwiftProtobuf

/// `envoy.config.core.v3.RuntimeFeatureFlag`: on or off.
public struct RuntimeFlag: Equatable, Sendable {
    public var key: String
    public var defaultValue: Bool

    public init(key: String = "", defaultValue: Bool = true) {
        self.key = key
        self.defaultValue = defaultValue
    }

    public init(_ message: Envoy_Config_Core_V3_RuntimeFeatureFlag) {
        self.init(key: message.runtimeKey, defaultValue: message.defaultValue.value)
    }

    @inline(__always)
    public func isOn(_ runtime: RuntimeSnapshot) -> Bool {
        key.isEmpty ? defaultValue : runtime.bool(key) ?? defaultValue
    }
}

/// `envoy.config.core.v3.RuntimeFractionalPercent`: a share of events.
public struct RuntimeFraction: Equatable, Sendable {
    public var key: String
    public var defaultValue: FractionalPercent

    public init(key: String = "", defaultValue: FractionalPercent) {
        self.key = key
        self.defaultValue = defaultValue
    }

    public init(_ message: Envoy_Config_Core_V3_RuntimeFractionalPercent) throws(CompileFailure) {
        do throws(CompileFailure) {
            self.init(key: message.runtimeKey, defaultValue: try FractionalPercent(message.defaultValue))
        } catch {
            throw error.inside("default_value")
        }
    }

    public func draw(_ runtime: RuntimeSnapshot, random: UInt64) -> Bool {
        (runtime.fraction(key) ?? defaultValue).draw(random)
    }
}
