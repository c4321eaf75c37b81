import CRIProto
import CRISpec
import Cgroups
import Diagnosis
import Images
import Kernel
import Logging
import PodNetwork

/// Pods and containers: what the calls of `runtime.v1.RuntimeService` work on. Each call is an extension in a file of
/// its own.
///
/// Operations on one pod or one container run one after the other (``OperationLocks``), but for StopContainer, which
/// several may ask for at once, each with its own patience.
package final class PodRuntime: RuntimeService {
    let settings: PodSettings
    let layout: Layout
    let inventory: Inventory
    let locks = OperationLocks()
    let exits = ExitWaiters()
    let monitors: Monitors
    let images: ImageStore
    let network: PodNetwork
    let handlers: RuntimeHandlers
    let features: RuntimeFeatureCache
    let host: HostFacts
    let information: RuntimeInformation
    let log: Logger

    init(
        settings: PodSettings, layout: Layout, inventory: Inventory, monitors: Monitors, images: ImageStore,
        network: PodNetwork, handlers: RuntimeHandlers, features: RuntimeFeatureCache, host: HostFacts,
        information: RuntimeInformation, log: Logger
    ) {
        self.settings = settings
        self.layout = layout
        self.inventory = inventory
        self.monitors = monitors
        self.images = images
        self.network = network
        self.handlers = handlers
        self.features = features
        self.host = host
        self.information = information
        self.log = log
    }

    /// Does what must not be left half done when the caller goes away: to its end, in a task that the caller's
    /// cancellation does not reach.
    func toTheEnd<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await Task { try await body() }.value
    }

    /// The pod, or NOT_FOUND. One that is still being made is not there yet.
    func existingPod(_ id: String) async throws -> Pod {
        guard let pod = try await inventory.pod(beginning: id), pod.record.state != .creating else {
            throw CRIError.notFound("pod sandbox", id)
        }
        return pod
    }

    /// The container, or NOT_FOUND. One that is still being made is not there yet.
    func existingContainer(_ id: String) async throws -> Container {
        guard let container = try await inventory.container(beginning: id),
            container.record.state != .creating
        else {
            throw CRIError.notFound("container", id)
        }
        return container
    }
}
