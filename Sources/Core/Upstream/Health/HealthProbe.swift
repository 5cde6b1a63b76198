// The seam for kinds of health checks.

/// Hears how a probe ended.
protocol HealthProbeOwner: AnyObject {
    func onProbeEnd(_ result: CheckResult)
}

/// Carries out checks of one host, one at a time, on the main thread. May keep a connection between checks.
///
/// Time is the owner's: it calls ``giveUp()`` when the time-out has passed.
class HealthProbe: EventTarget {
    unowned(unsafe) var owner: any HealthProbeOwner

    init(owner: any HealthProbeOwner) { self.owner = owner }

    /// Starts a check; the owner hears its end exactly once, unless it gives up first. May end within the call.
    func begin() {}

    /// Ends the check (and its connection) without telling.
    func giveUp() {}
}
