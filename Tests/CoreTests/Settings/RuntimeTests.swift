import ConfigAPI
import SwiftProtobuf
import Testing

@testable import Core

@Suite struct RuntimeTests {
    typealias Layers = Envoy_Config_Bootstrap_V3_LayeredRuntime

    func store(_ json: String) throws -> RuntimeStore { RuntimeStore(try Layers(jsonString: json)) }

    static let layers = #"""
        {"layers":[
          {"name":"base","static_layer":{"a":1,"b":true,"c":"text","d":1.5,"e":{"f":{"g":"deep"},"h":-3},
             "p":{"numerator":5,"denominator":"TEN_THOUSAND"},"q":{"numerator":7},"big":1e20,"str5":"5","strb":"TRUE",
             "sp":" 7 ","f0":0.0,"z":"","js":"{numerator: 3, denominator: MILLION}","x.y":1}},
          {"name":"over","static_layer":{"a":2,"e":{"h":4}}},
          {"name":"adm","admin_layer":{}}]}
        """#

    func block() -> (StatsStore, WorkerStats, StatScope<RuntimeStat>, StatBlock<RuntimeStat>) {
        let store = StatsStore(config: StatsConfig())
        let worker = store.makeWorker(name: "main_thread")
        let scope: StatScope<RuntimeStat> = store.scope(prefix: RuntimeStat.prefix)
        return (store, worker, scope, worker.block(scope))
    }

    @Test func lastLayerWinsAndKeysJoinWithDots() throws {
        let store = try store(Self.layers)
        #expect(store.problems == [])
        let runtime = store.current
        #expect(runtime.integer("a") == 2)
        #expect(runtime.integer("e.h") == 4)
        #expect(runtime.text("e.f.g") == "deep")
        #expect(runtime.integer("x.y") == 1)
        #expect(runtime.value("e") == nil)
        #expect(runtime.value("absent") == nil)
        #expect(runtime.value("") == nil)
        #expect(runtime.count == 16)
        #expect(runtime.generation == 1)
    }

    @Test func valuesReadAsTheTypesTheyAre() throws {
        let runtime = try store(Self.layers).current
        #expect(runtime.bool("b") == true)
        #expect(runtime.bool("strb") == true)
        #expect(runtime.bool("a") == true)
        #expect(runtime.bool("f0") == false)
        #expect(runtime.bool("c") == nil)
        #expect(runtime.integer("b") == nil)
        #expect(runtime.integer("d") == nil)
        #expect(runtime.double("d") == 1.5)
        #expect(runtime.double("a") == 2)
        #expect(runtime.integer("str5") == 5)
        #expect(runtime.integer("sp") == 7)
        #expect(runtime.double("big") == 1e20)
        #expect(runtime.integer("big") == nil)
        #expect(runtime.text("z") == "")
        #expect(runtime.fraction("p") == FractionalPercent(5, outOf: .tenThousand))
        #expect(runtime.fraction("q") == FractionalPercent(7))
        #expect(runtime.fraction("js") == FractionalPercent(3, outOf: .million))
        #expect(runtime.fraction("a") == FractionalPercent(2))
        #expect(runtime.fraction("c") == nil)
    }

    @Test func textThatLooksLikeANumberElsewhereIsText() {
        for text in ["0x10", "inf", "nan", "1e999", "e5", "", "yes", "{", "{}", "{numerator: -1}", "{a: 1}", "1 2"] {
            let value = RuntimeValue(text)
            #expect(value.double == nil && value.bool == nil && value.fraction == nil, "\(text)")
        }
        #expect(RuntimeValue("-5").integer == nil)
        #expect(RuntimeValue("-5").double == -5)
        #expect(RuntimeValue(#"{"numerator":3}"#).fraction == FractionalPercent(3))
    }

    @Test func flagsAndFractionsFallBackToTheirDefaults() {
        let runtime = RuntimeSnapshot(["off": "false", "half": "50", "much": "500", "word": "maybe"])
        #expect(!RuntimeFlag(key: "off", defaultValue: true).isOn(runtime))
        #expect(RuntimeFlag(key: "absent", defaultValue: true).isOn(runtime))
        #expect(RuntimeFlag(key: "word", defaultValue: true).isOn(runtime))
        #expect(!RuntimeFlag(key: "", defaultValue: false).isOn(runtime))
        let never = RuntimeFraction(key: "half", defaultValue: .never)
        #expect(never.draw(runtime, random: 49) && !never.draw(runtime, random: 50))
        #expect(RuntimeFraction(key: "much", defaultValue: .never).draw(runtime, random: 99))
        #expect(!RuntimeFraction(key: "word", defaultValue: .never).draw(runtime, random: 0))
    }

    @Test func wrongLayersAreNamed() throws {
        let store = try store(
            #"""
            {"layers":[{"name":"a","static_layer":{"k":[1],"n":{"m":null},"f":{"numerator":1,"x":2},"ok":1}},
                       {"name":"a","admin_layer":{}},{"name":"b","admin_layer":{}},{"name":"c"}]}
            """#)
        #expect(
            store.problems.map(\.path) == [
                "layers[0].static_layer.f", "layers[0].static_layer.k", "layers[0].static_layer.n.m", "layers[1].name",
                "layers[2].admin_layer", "layers[3]",
            ])
    }

    @Test func overridesMakeOneNewSnapshot() throws {
        let store = try store(Self.layers)
        let before = store.current
        let (stats, worker, scope, block) = block()
        store.reportLoad(to: block)
        #expect(block.value(.numKeys) == 16 && block.value(.numLayers) == 3 && block.value(.adminOverridesActive) == 0)
        guard case .published(let after) = store.modify([("a", "9"), ("new.key", "true")], stats: block) else {
            Issue.record("There is an admin layer.")
            return
        }
        #expect(after.generation == 2 && store.current.generation == 2)
        #expect(after.integer("a") == 9 && after.bool("new.key") == true)
        #expect(before.integer("a") == 2 && before.value("new.key") == nil)
        #expect(block.value(.numKeys) == 17 && block.value(.adminOverridesActive) == 1)
        #expect(block.value(.loadSuccess) == 2)
        _ = store.modify([("a", ""), ("new.key", ""), ("never", "")], stats: block)
        #expect(store.current.integer("a") == 2 && store.current.value("new.key") == nil)
        #expect(block.value(.numKeys) == 16 && block.value(.adminOverridesActive) == 0)
        withExtendedLifetime((stats, worker, scope)) {}
    }

    @Test func withoutAdminLayerNothingCanBeSet() throws {
        let store = try store(#"{"layers":[{"name":"s","static_layer":{"a":1}}]}"#)
        let (stats, worker, scope, block) = block()
        guard case .noAdminLayer = store.modify([("a", "2")], stats: block) else {
            Issue.record("There is no admin layer.")
            return
        }
        #expect(store.current.integer("a") == 1 && block.value(.loadSuccess) == 0)
        #expect(RuntimeStore.ModifyResult.noAdminLayerText == "No admin layer specified")
        withExtendedLifetime((stats, worker, scope)) {}
    }

    @Test func theViewListsLayersAndEntries() throws {
        let store = try store(
            #"{"layers":[{"name":"s","static_layer":{"b":"q\"\\\n","a":1}},{"name":"t","static_layer":{"a":2.5}}]}"#)
        #expect(
            store.describe().json == """
                {
                 "layers": [
                  "s",
                  "t"
                 ],
                 "entries": {
                  "a": {
                   "layer_values": [
                    "1",
                    "2.5"
                   ],
                   "final_value": "2.5"
                  },
                  "b": {
                   "layer_values": [
                    "q\\"\\\\\\n",
                    ""
                   ],
                   "final_value": "q\\"\\\\\\n"
                  }
                 }
                }

                """)
        #expect(RuntimeStore(Layers()).describe().json == "{\n \"layers\": [],\n \"entries\": {}\n}\n")
    }

    @Test func numbersPrintAsInEnvoy() throws {
        let entries = try store(Self.layers).describe().entries
        func text(_ key: String) -> String? { entries.first { $0.key == key }?.finalValue }
        #expect(text("a") == "2" && text("d") == "1.5" && text("f0") == "0.0" && text("big") == "1e+20")
        #expect(text("b") == "true" && text("sp") == " 7 ")
        #expect(entries.first { $0.key == "e.h" }?.layerValues == ["-3", "4", ""])
    }
}
