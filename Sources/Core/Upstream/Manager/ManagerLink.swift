// The workers' way back to the cluster manager.

/// Carried by workers, used in jobs of the main thread's mailbox.
///
/// `@unchecked Sendable`: `manager` is set before any worker has the link and is read on the main thread only.
final class ManagerLink: @unchecked Sendable {
    let mailbox: Mailbox
    weak var manager: ClusterManager?

    init(mailbox: Mailbox) { self.mailbox = mailbox }

    /// Main thread.
    func onAdmission(_ cluster: Cluster) { manager?.onAdmission(cluster) }
}
