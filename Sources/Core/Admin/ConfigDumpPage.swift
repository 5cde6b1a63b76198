// `/config_dump`: the choice of resources, names and fields, on the JSON of the dumps.

import CoreConfig

enum ConfigDumpPage {
    /// Repeated fields of the dumps: the type of their elements and the way to an element's name.
    private static let fields: [String: (type: String, name: [String])] = [
        "static_clusters": ("ClustersConfigDump.StaticCluster", ["cluster", "name"]),
        "dynamic_active_clusters": ("ClustersConfigDump.DynamicCluster", ["cluster", "name"]),
        "dynamic_warming_clusters": ("ClustersConfigDump.DynamicCluster", ["cluster", "name"]),
        "static_listeners": ("ListenersConfigDump.StaticListener", ["listener", "name"]),
        "dynamic_listeners": ("ListenersConfigDump.DynamicListener", ["name"]),
        "static_endpoint_configs": ("EndpointsConfigDump.StaticEndpointConfig", ["endpoint_config", "cluster_name"]),
        "dynamic_endpoint_configs": ("EndpointsConfigDump.DynamicEndpointConfig", ["endpoint_config", "cluster_name"]),
        "static_route_configs": ("RoutesConfigDump.StaticRouteConfig", ["route_config", "name"]),
        "dynamic_route_configs": ("RoutesConfigDump.DynamicRouteConfig", ["route_config", "name"]),
        "static_secrets": ("SecretsConfigDump.StaticSecret", ["name"]),
        "dynamic_active_secrets": ("SecretsConfigDump.DynamicSecret", ["name"]),
        "dynamic_warming_secrets": ("SecretsConfigDump.DynamicSecret", ["name"]),
    ]

    static func respond(_ query: AdminQuery, dumps: [JSONValue]) -> AdminResponse {
        var regex: RE2Regex?
        if let pattern = query["name_regex"], !pattern.isEmpty {
            do { regex = try RE2Regex(pattern) } catch {
                return AdminResponse(
                    "INVALID_ARGUMENT: Error while parsing name_regex from \(pattern): \(error.reason)", status: 400,
                    contentType: "text/plain")
            }
        }
        let mask = query["mask"].flatMap { $0.isEmpty ? nil : $0 }
        var configs = dumps.map { named($0, regex) }
        if let resource = query["resource"], !resource.isEmpty {
            guard let found = configs.first(where: { $0[resource] != nil }) else {
                // A dump without elements of a kind leaves the field out; that is no error.
                if fields[resource] != nil { return .json(text([])) }
                return failure("\(resource) not found in config dump", 404)
            }
            guard case .array(let elements)? = found[resource], let type = fields[resource]?.type else {
                return failure(
                    "\(resource) is not a repeated field. Use ?mask=\(resource) to get only this field.", 400)
            }
            configs = elements.map { element in
                guard case .object(let members) = element else { return element }
                return .object([.init("@type", .string("type.googleapis.com/envoy.admin.v3.\(type)"))] + members)
            }
        }
        if let mask {
            let isEmpty = configs.isEmpty
            configs = configs.map { $0.trimmed(to: mask) }.filter { config in
                guard case .object(let members) = config else { return false }
                return members.contains { $0.key != "@type" }
            }
            if configs.isEmpty, !isEmpty {
                return failure("FieldMask \(mask) could not be successfully applied to any configs.", 400)
            }
        }
        return .json(text(configs))
    }

    /// Keeps the elements whose whole name matches; fields without named elements stay as they are.
    private static func named(_ dump: JSONValue, _ regex: RE2Regex?) -> JSONValue {
        guard let regex, case .object(let members) = dump else { return dump }
        return .object(
            members.compactMap { member in
                guard let way = fields[member.key]?.name, case .array(let elements) = member.value else {
                    return member
                }
                let kept = elements.filter { element in
                    var value: JSONValue? = element
                    for key in way { value = value?[key] }
                    guard case .string(let name)? = value else { return regex.fullMatch("") }
                    return regex.fullMatch(name)
                }
                return kept.isEmpty ? nil : .init(member.key, .array(kept))
            })
    }

    private static func text(_ configs: [JSONValue]) -> String {
        JSONValue.object(configs.isEmpty ? [] : [.init("configs", .array(configs))]).text() + "\n"
    }

    private static func failure(_ text: String, _ status: Int) -> AdminResponse {
        AdminResponse(text, status: status, contentType: "text/plain")
    }
}
