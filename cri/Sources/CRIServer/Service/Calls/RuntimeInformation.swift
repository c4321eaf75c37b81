import CRIProto

/// What the runtime is and can do, for the four calls that ask about it.
package struct RuntimeInformation: Sendable {
    /// Whether something is there, as `Status` tells it.
    package struct Condition: Equatable, Sendable {
        package var met: Bool
        /// A word in CamelCase, for programs.
        package var reason: String
        /// What is missing, for people.
        package var message: String

        package init(met: Bool, reason: String = "", message: String = "") {
            self.met = met
            self.reason = reason
            self.message = message
        }

        package static var met: Condition { Condition(met: true) }
    }

    /// A runtime that pods can ask for by name (RuntimeClass).
    package struct Handler: Equatable, Sendable {
        /// Empty for the one of pods that ask for none.
        package var name: String
        /// Mounts can be read-only with all that is mounted below them: Linux 5.12 and `rro` among the runtime's options.
        package var recursiveReadOnlyMounts: Bool
        /// Both user namespaces and idmapped mounts.
        package var userNamespaces: Bool

        package init(name: String, recursiveReadOnlyMounts: Bool, userNamespaces: Bool) {
            self.name = name
            self.recursiveReadOnlyMounts = recursiveReadOnlyMounts
            self.userNamespaces = userNamespaces
        }
    }

    /// Who makes the cgroups, kubelet and runtime alike.
    package enum CgroupDriver: String, Sendable { case systemd, cgroupfs }

    package var cgroupDriver: CgroupDriver
    package var handlers: @Sendable () async -> [Handler]
    /// Whether containers can run, at least on the host's network.
    package var runtimeReady: @Sendable () async -> Condition
    /// Whether pods can have a network of their own.
    package var networkReady: @Sendable () async -> Condition
    /// For a verbose `Status`: JSON by its name.
    package var details: @Sendable () async -> [String: String]
    let podCIDR = PodCIDR()

    package init(
        cgroupDriver: CgroupDriver, handlers: @escaping @Sendable () async -> [Handler],
        runtimeReady: @escaping @Sendable () async -> Condition = { .met },
        networkReady: @escaping @Sendable () async -> Condition,
        details: @escaping @Sendable () async -> [String: String] = { [:] }
    ) {
        self.cgroupDriver = cgroupDriver
        self.handlers = handlers
        self.runtimeReady = runtimeReady
        self.networkReady = networkReady
        self.details = details
    }
}
