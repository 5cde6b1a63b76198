/// Extracted tags of one scope, by stat: filled when Prometheus first asks.
struct StatScopeTags {
    /// Name without the tags' values, and the tags, by index in the layout.
    var byIndex: [Int: (name: String, tags: [StatTag])] = [:]
}
