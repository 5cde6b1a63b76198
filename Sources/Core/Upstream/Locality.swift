/// Where a host runs. Hosts with equal localities form one group inside a priority.
public struct Locality: Hashable, Comparable, Sendable {
    public var region: String
    public var zone: String
    public var subZone: String

    public static let unspecified = Locality()

    public init(region: String = "", zone: String = "", subZone: String = "") {
        self.region = region
        self.zone = zone
        self.subZone = subZone
    }

    public var isUnspecified: Bool { region.isEmpty && zone.isEmpty && subZone.isEmpty }

    /// Order of the localities inside a host set: by region, then zone, then sub-zone.
    public static func < (left: Locality, right: Locality) -> Bool {
        (left.region, left.zone, left.subZone) < (right.region, right.zone, right.subZone)
    }
}
