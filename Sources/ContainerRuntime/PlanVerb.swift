import Diagnosis
import LaunchPlan

/// A launch plan in words.
public struct PlanListing: Sendable {
    let plan: Plan

    public var text: String { plan.listing }
    public var json: String { plan.json }
}

extension ContainerRuntime {
    /// What `create` would do with a bundle; does none of it.
    public func plan(_ options: CreateOptions) throws(Failure) -> PlanListing {
        PlanListing(plan: try Launch(self, "plan", options, wait: .fifo).plan)
    }
}
