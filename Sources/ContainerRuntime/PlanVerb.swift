import Diagnosis
import LaunchPlan

/// A launch plan in words.
public struct PlanListing: Sendable {
    public let text: String
    public let json: String
}

extension ContainerRuntime {
    /// What `create` would do with a bundle; does none of it.
    public func plan(_ options: CreateOptions) throws(Failure) -> PlanListing {
        let launch = try Launch(self, "plan", options, wait: .fifo)
        return PlanListing(text: launch.plan.listing, json: launch.plan.json)
    }
}
