/// `runtime.`: the layers of `layered_runtime` and what was read from them.
public enum RuntimeStat: Int, StatKey {
    case adminOverridesActive, deprecatedFeatureSeenSinceProcessStart, deprecatedFeatureUse, loadError, loadSuccess
    case numKeys, numLayers, overrideDirExists, overrideDirNotExists

    public static let prefix = "runtime."

    public var definition: StatDefinition {
        switch self {
        case .adminOverridesActive: .gauge("admin_overrides_active", .neverImport)
        case .deprecatedFeatureSeenSinceProcessStart:
            .gauge("deprecated_feature_seen_since_process_start", .neverImport)
        case .deprecatedFeatureUse: .counter("deprecated_feature_use")
        case .loadError: .counter("load_error")
        case .loadSuccess: .counter("load_success")
        case .numKeys: .gauge("num_keys", .neverImport)
        case .numLayers: .gauge("num_layers", .neverImport)
        case .overrideDirExists: .counter("override_dir_exists")
        case .overrideDirNotExists: .counter("override_dir_not_exists")
        }
    }
}
