import Diagnosis
import LaunchPlan
import OCISpec

extension Config {
    /// Refuses what a user without privileges cannot start: only a user namespace gives them the rights that it takes
    /// to make a container.
    ///
    /// - Parameter capabilities: the runtime's own.
    func requireUserNamespace(capabilities: UInt64) throws(Failure) {
        let mayAdminister = capabilities >> 21 & 1 == 1  // CAP_SYS_ADMIN
        guard !mayAdminister, namespace(.user) == nil else { return }
        throw Failure(
            at: "/linux/namespaces", "rootless container requires user namespaces",
            remedy: "add {\"type\": \"user\"} and the ID mappings, as `apus spec --rootless` writes them")
    }
}
