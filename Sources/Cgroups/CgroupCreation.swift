import Diagnosis
import Glibc
import Kernel

/// A cgroup that was made for a container.
public struct CreatedCgroup: Equatable, Sendable {
    public let cgroup: Cgroup
    /// The directories that had to be made, the outermost first; the last one is the cgroup's unless that was
    /// there before.
    public let directories: [String]

    /// Undoes the making: removes exactly these directories, as far as they are empty.
    public func discard() {
        for directory in directories.reversed() { _ = try? FileTree.removeDirectory(directory) }
    }
}

extension Cgroup {
    /// Makes the container's cgroup. On a unified host it gets every controller that the tree has for it, for
    /// its statistics; on a hybrid one those that the limits need.
    ///
    /// - Parameters:
    ///   - cgroupsPath: `linux.cgroupsPath`; see the file-system driver's rules in ``CgroupPath``.
    ///   - limits: to be set by ``apply(_:on:devices:)``; a cgroup that cannot take them is refused here.
    /// - Returns: `nil` on a host without a cgroup v2 tree: the container then runs untracked.
    /// - Throws: the cgroup has processes or is frozen; or the system call that failed. Nothing is left behind.
    public static func create(
        cgroupsPath: String?, id: String, limits: Limits, on host: CgroupHost
    ) throws(Failure) -> CreatedCgroup? {
        guard let planned = try planned(cgroupsPath: cgroupsPath, id: id, on: host) else {
            try host.refuse(limits)
            return nil
        }
        return try planned.create(cgroupsPath: cgroupsPath, limits: limits, on: host)
    }

    /// As ``create(cgroupsPath:id:limits:on:)`` for the cgroup that ``planned(cgroupsPath:id:on:)`` gave.
    func create(
        cgroupsPath: String?, limits: Limits, on host: CgroupHost
    ) throws(Failure) -> CreatedCgroup {
        let mount = host.unifiedMount ?? ""
        let origin: Failure.Origin = cgroupsPath?.isEmpty == false ? .config(CgroupPath.origin) : .runtime
        // Beside v1, where the statistics are, the tree has odd controllers only. They cost 26 µs a
        // container, and once they are passed on they cannot go back to v1.
        let chain = CgroupChain(
            mount: mount, names: CgroupPath.cleaned(String(Substring(path.utf8.dropFirst(mount.utf8.count)))),
            needed: limits.controllers, passesAll: host.kind == .unified)
        let created: CreatedCgroup
        do throws(SystemError) {
            created = try chain.make()
        } catch {
            throw Failure(origin, error)
        }
        do throws(Failure) {
            if created.directories.last != created.cgroup.path {
                try created.cgroup.requireEmpty(origin)
            }
            try created.cgroup.requireThawed(origin)
            try created.cgroup.requireDomain(for: limits, in: chain, origin)
            return created
        } catch {
            created.discard()
            throw error
        }
    }

    func requireEmpty(_ origin: Failure.Origin) throws(Failure) {
        let count: Int
        do throws(SystemError) {
            count = try members().count
        } catch {
            throw Failure(origin, error)
        }
        if count > 0 {
            throw Failure(
                origin, reason: "container's cgroup is not empty: \(count) process(es) found",
                remedy: "stop them, or choose another cgroup than \(path)")
        }
    }

    /// A new cgroup below a frozen one is frozen too: its first process would never run.
    private func requireThawed(_ origin: Failure.Origin) throws(Failure) {
        guard let events = try? CoreFile.text(file("cgroup.events")) else { return }
        if CoreFile.value(of: "frozen", in: events) == "1" {
            throw Failure(
                origin, reason: "container's cgroup unexpectedly frozen",
                remedy: "write 0 to cgroup.freeze in \(path) or above it")
        }
    }

    /// Below a threaded cgroup, a new one takes processes only when it is made threaded too, which leaves it
    /// without the controllers that cannot work so.
    private func requireDomain(
        for limits: Limits, in chain: CgroupChain, _ origin: Failure.Origin
    ) throws(Failure) {
        guard let type = try? CoreFile.text(file("cgroup.type")), type != "domain\n" else { return }
        if let setting = limits.settings.first(where: { !$0.controller.isThreaded }) {
            throw Failure(
                .config(setting.origin),
                reason: "controller \"\(setting.controller)\" cannot work in \(path), which is in "
                    + "\"\(type.dropLast())\" mode",
                remedy: "set linux.cgroupsPath to a place that is not below a threaded cgroup")
        }
        guard type == "domain invalid\n" else { return }
        for directory in CgroupChain.directories(mount: chain.mount, names: chain.names) {
            let file = "\(directory)/cgroup.type"
            guard (try? CoreFile.text(file)) == "domain invalid\n" else { continue }
            do throws(SystemError) {
                try FileTree.write("threaded", to: file)
            } catch {
                throw Failure(origin, error)
            }
        }
    }
}

/// The directories from the mount of the tree down to a cgroup.
struct CgroupChain {
    let mount: String
    let names: [String]
    /// The controllers that the limits need.
    let needed: [Controller]
    /// Whether the others are passed on too, where nothing speaks against it.
    let passesAll: Bool

    /// Those below the mount, the outermost first.
    static func directories(mount: String, names: [String]) -> [String] {
        var directories: [String] = []
        for name in names { directories.append("\(directories.last ?? mount)/\(name)") }
        return directories
    }

    /// Makes what is missing and passes the controllers on all the way.
    func make() throws(SystemError) -> CreatedCgroup {
        // A parent may be removed by the container that made it while this one is at its child.
        var attempts = 3
        while true {
            do throws(SystemError) {
                return try makeOnce()
            } catch  where error.errno == Errno(ENOENT) && attempts > 1 {
                attempts -= 1
            }
        }
    }

    private func makeOnce() throws(SystemError) -> CreatedCgroup {
        var controllers: [Substring] = []
        if passesAll || !needed.isEmpty {
            controllers = ControllerList.available(in: mount).filter { passesAll || isNeeded($0) }
        }
        var parent = (path: mount, isNew: false)
        var made: [String] = []
        for directory in Self.directories(mount: mount, names: names) {
            controllers = enable(controllers, in: parent.path, isNew: parent.isNew)
            parent.path = directory
            do throws(SystemError) {
                try FileTree.makeDirectory(directory, mode: 0o755)
                made.append(directory)
                parent.isNew = true
            } catch  where error.errno == Errno(EEXIST) {
                parent.isNew = false
            } catch {
                CreatedCgroup(cgroup: Cgroup(path: directory), directories: made).discard()
                throw error
            }
        }
        return CreatedCgroup(cgroup: Cgroup(path: parent.path), directories: made)
    }

    private func isNeeded(_ name: Substring) -> Bool { needed.contains(Controller(String(name))) }

    /// Passes the controllers on to the directory's children, as far as the kernel lets it: what is missing
    /// then is an error only for a limit that needs it.
    ///
    /// - Returns: those that the children have.
    private func enable(_ controllers: [Substring], in directory: String, isNew: Bool) -> [Substring] {
        if controllers.isEmpty { return [] }
        let enabled = isNew ? [] : ControllerList.enabled(in: directory)
        var missing = controllers.filter { !enabled.contains($0) }
        if missing.isEmpty { return controllers }
        let file = "\(directory)/cgroup.subtree_control"
        do throws(SystemError) {
            try FileTree.write(missing.map { "+\($0)" }.joined(separator: " "), to: file)
            return controllers
        } catch  where error.errno == Errno(EBUSY) {
            // The directory has processes. Those controllers that work for threads could still be passed on, but
            // that puts the whole family into threaded mode: only if there is a limit to be had from it.
            let isWorthIt = needed.allSatisfy(\.isThreaded)
            missing = missing.filter { isWorthIt && isNeeded($0) }
        } catch {
            // One of them is the reason, or all are: each is tried for itself.
        }
        return enabled + missing.filter { (try? FileTree.write("+\($0)", to: file)) != nil }
    }
}
