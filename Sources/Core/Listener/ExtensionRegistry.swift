// The extensions that a program has, filled by its Main and asked by type URL when listeners are built.

package import CoreConfig
package import SwiftProtobuf

/// What a builder works with: the place of its message, the process's services, and a list for problems.
package struct FilterBuildContext {
    /// Where the filter's `typed_config` stands.
    package let path: String
    package let process: ProcessServices
    package var problems: [ConfigProblem] = []

    package mutating func fail(_ field: String, _ text: String, found: String? = nil, allowed: String? = nil) {
        let place = field.isEmpty ? path : "\(path).\(field)"
        problems.append(ConfigProblem(path: place, found: found, allowed: allowed, text: text))
    }
}

/// Turns a typed configuration into a compiled one; nil when it reported problems.
package typealias NetworkFilterBuilder = (Google_Protobuf_Any, inout FilterBuildContext) -> (any NetworkFilterConfig)?
package typealias ListenerFilterBuilder = (Google_Protobuf_Any, inout FilterBuildContext) -> (any ListenerFilterConfig)?

/// Builders by type URL, with the catalogue that the configuration loader judges type URLs by. One registration serves
/// both, so that what loads can also be built.
package struct ExtensionRegistry {
    package private(set) var catalog: ExtensionCatalog
    private var networkFilters: [String: NetworkFilterBuilder] = [:]
    private var listenerFilters: [String: ListenerFilterBuilder] = [:]

    package init(catalog: ExtensionCatalog) { self.catalog = catalog }

    /// Registers the builder of a network filter whose type the catalogue has.
    package mutating func addNetworkFilter<M: Message>(
        _: M.Type, _ build: @escaping (M, inout FilterBuildContext) -> (any NetworkFilterConfig)?
    ) {
        networkFilters[M.protoMessageName] = { any, context in
            guard let message = AnyUnpacker.unpack(any, as: M.self) else {
                context.fail("", "the bytes are no \(M.protoMessageName)")
                return nil
            }
            return build(message, &context)
        }
    }

    package mutating func addListenerFilter<M: Message>(
        _: M.Type, _ build: @escaping (M, inout FilterBuildContext) -> (any ListenerFilterConfig)?
    ) {
        listenerFilters[M.protoMessageName] = { any, context in
            guard let message = AnyUnpacker.unpack(any, as: M.self) else {
                context.fail("", "the bytes are no \(M.protoMessageName)")
                return nil
            }
            return build(message, &context)
        }
    }

    func buildNetworkFilter(_ any: Google_Protobuf_Any, _ context: inout FilterBuildContext) -> (
        any NetworkFilterConfig
    )? {
        guard let build = networkFilters[AnyUnpacker.typeName(of: any)] else {
            context.fail(
                "", "this program has no network filter of this type", found: any.typeURL,
                allowed: known(networkFilters))
            return nil
        }
        return build(any, &context)
    }

    func buildListenerFilter(_ any: Google_Protobuf_Any, _ context: inout FilterBuildContext) -> (
        any ListenerFilterConfig
    )? {
        guard let build = listenerFilters[AnyUnpacker.typeName(of: any)] else {
            context.fail(
                "", "this program has no listener filter of this type", found: any.typeURL,
                allowed: known(listenerFilters))
            return nil
        }
        return build(any, &context)
    }

    private func known(_ builders: [String: some Any]) -> String {
        builders.keys.sorted().map { ExtensionCatalog.typeURLPrefix + $0 }.joined(separator: ", ")
    }
}
