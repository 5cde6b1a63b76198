// `/runtime` as JSON: Envoy's shape, keys in order.

extension RuntimeStore.Description {
    /// `{"layers": […], "entries": {key: {"layer_values": […], "final_value": …}}}`, indented by one space.
    package var json: String {
        var out = "{\n \"layers\": ["
        write(layers, indent: " ", to: &out)
        out += ",\n \"entries\": {"
        for (index, entry) in entries.enumerated() {
            out += index == 0 ? "\n  " : ",\n  "
            quote(entry.key, to: &out)
            out += ": {\n   \"layer_values\": ["
            write(entry.layerValues, indent: "   ", to: &out)
            out += ",\n   \"final_value\": "
            quote(entry.finalValue, to: &out)
            out += "\n  }"
        }
        out += entries.isEmpty ? "}\n}\n" : "\n }\n}\n"
        return out
    }

    private func write(_ texts: [String], indent: String, to out: inout String) {
        for (index, text) in texts.enumerated() {
            out += index == 0 ? "\n\(indent) " : ",\n\(indent) "
            quote(text, to: &out)
        }
        out += texts.isEmpty ? "]" : "\n\(indent)]"
    }

    private func quote(_ text: String, to out: inout String) {
        var bytes: [UInt8] = []
        bytes.appendJSON(text)
        out += String(decoding: bytes, as: UTF8.self)
    }
}
