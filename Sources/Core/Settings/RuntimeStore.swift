// The layers of the runtime, the snapshot made of them, and overrides by hand.

package import ConfigAPI
import SwiftProtobuf

/// Holds the layers and the current snapshot. Changed on the main thread; ``current`` may be read on any.
///
/// The store publishes nothing by itself: ``modify(_:stats:)`` returns the new snapshot and the process hands it to the
/// workers (`Worker.apply`) and to whoever keeps limits from it.
package final class RuntimeStore: Sendable {
    private struct State {
        var layers: [RuntimeLayer]
        var snapshot: RuntimeSnapshot
        var overrideCount: Int { layers.reduce(0) { $0 + ($1.isAdmin ? $1.values.count : 0) } }
    }

    /// What is wrong with the configured layers, by path from `layered_runtime`. A process with any must not start.
    package let problems: [CompileFailure.Problem]
    private let state: Locked<State>

    package init(_ message: Envoy_Config_Bootstrap_V3_LayeredRuntime) {
        var problems = ProblemCollector()
        var layers: [RuntimeLayer] = []
        var names: Set<String> = []
        var hasAdmin = false
        for (index, layer) in message.layers.enumerated() {
            let path = "layers[\(index)]"
            if !names.insert(layer.name).inserted {
                problems.add("a layer named \"\(layer.name)\" exists already", at: "\(path).name")
            }
            switch layer.layerSpecifier {
            case .staticLayer(let structure):
                layers.append(
                    RuntimeLayer(
                        name: layer.name, structure: structure, problems: &problems, path: "\(path).static_layer"))
            case .adminLayer:
                if hasAdmin { problems.add("at most one admin layer is possible", at: "\(path).admin_layer") }
                hasAdmin = true
                layers.append(RuntimeLayer(name: layer.name, isAdmin: true))
            case nil:
                problems.add("a layer is static_layer or admin_layer", at: path)
            }
        }
        self.problems = problems.problems
        state = Locked(State(layers: layers, snapshot: RuntimeStore.merge(layers, generation: 1)))
    }

    package var current: RuntimeSnapshot { state.withLock { $0.snapshot } }

    /// Counts the first load and sets the gauges. Main thread, once.
    package func reportLoad(to stats: StatBlock<RuntimeStat>) {
        stats.add(.loadSuccess)
        setGauges(stats)
    }

    package enum ModifyResult: Sendable {
        case published(RuntimeSnapshot)
        case noAdminLayer

        /// Envoy's words for the refusal, answered with status 503.
        package static let noAdminLayerText = "No admin layer specified"
    }

    /// Sets entries of the admin layer; an empty text removes one. All of them become visible in one snapshot.
    package func modify(_ entries: [(key: String, text: String)], stats: StatBlock<RuntimeStat>) -> ModifyResult {
        let made: RuntimeSnapshot? = state.withLock { state in
            guard let admin = state.layers.firstIndex(where: \.isAdmin) else { return nil }
            for (key, text) in entries {
                state.layers[admin].values[key] = text.isEmpty ? nil : RuntimeValue(text)
            }
            state.snapshot = RuntimeStore.merge(state.layers, generation: state.snapshot.generation + 1)
            return state.snapshot
        }
        guard let made else { return .noAdminLayer }
        stats.add(.loadSuccess)
        setGauges(stats)
        return .published(made)
    }

    private func setGauges(_ stats: StatBlock<RuntimeStat>) {
        let (keys, layers, overrides) = state.withLock { ($0.snapshot.count, $0.layers.count, $0.overrideCount) }
        stats.set(.numKeys, keys)
        stats.set(.numLayers, layers)
        stats.set(.adminOverridesActive, overrides > 0 ? 1 : 0)
    }

    /// What `/runtime` prints: the layers' names, and per key the final value and each layer's.
    package struct Description: Equatable, Sendable {
        package var layers: [String]
        package var entries: [Entry]

        package struct Entry: Equatable, Sendable {
            package var key: String
            package var finalValue: String
            /// One per layer; empty where the layer says nothing.
            package var layerValues: [String]
        }
    }

    /// In order of keys.
    package func describe() -> Description {
        let layers = state.withLock { $0.layers }
        let keys = Set(layers.flatMap { $0.values.keys }).sorted()
        return Description(
            layers: layers.map(\.name),
            entries: keys.map { key in
                let texts = layers.map { $0.values[key]?.text }
                return Description.Entry(
                    key: key, finalValue: texts.compactMap { $0 }.last ?? "", layerValues: texts.map { $0 ?? "" })
            })
    }

    private static func merge(_ layers: [RuntimeLayer], generation: UInt64) -> RuntimeSnapshot {
        var values: [String: RuntimeValue] = [:]
        for layer in layers { values.merge(layer.values) { _, later in later } }
        return RuntimeSnapshot(values: values, generation: generation)
    }
}
