import Diagnosis
import Glibc
import Kernel
import MonitorProtocol
import Netlink
import OCISpec

/// Makes what a pod has of its own. In processes of its own, which end: the monitor itself goes nowhere.
struct NamespaceMaker {
    private let wanted: Preparation
    private var pinned: [String] = []

    /// - Throws: if what is wanted does not go together.
    init(_ wanted: Preparation) throws(MonitorFailure) {
        self.wanted = wanted
        var kinds: Set<Preparation.Pin.Kind> = []
        for pin in wanted.pins where !kinds.insert(pin.kind).inserted {
            throw MonitorFailure(.invalid, "pins: the \(pin.kind.name) namespace is there twice")
        }
        if kinds.contains(.user) == (wanted.uidMap.isEmpty || wanted.gidMap.isEmpty) {
            throw MonitorFailure(.invalid, "uidMap and gidMap belong to a user namespace, and it needs both")
        }
        if !kinds.contains(.uts) && (wanted.hostName != nil || wanted.domainName != nil) {
            throw MonitorFailure(.invalid, "hostName and domainName need a UTS namespace of the pod's own")
        }
        for setting in wanted.settings {
            guard let owner = Self.owner(setting) else {
                throw MonitorFailure(
                    .invalid,
                    "\(Self.describe(setting)): does not belong to a namespace; it would change the host"
                )
            }
            if !kinds.contains(owner) {
                throw MonitorFailure(
                    .invalid, "\(Self.describe(setting)): the pod has no \(owner.name) namespace of its own")
            }
        }
    }

    /// All of it, or nothing.
    ///
    /// - Returns: the pid of the pause process, or 0.
    mutating func make() throws(MonitorFailure) -> Int32 {
        var pause: Int32 = 0
        do throws(SystemError) {
            try makeNamespaces()
            pause = try inHelper()
            guard let request = wanted.pause else { return 0 }
            for cgroup in request.cgroups { try FileTree.write("\(pause)", to: "\(cgroup)/cgroup.procs") }
            try NamespaceFile.pin("pid", ofProcess: pause, at: request.path)
            return pause
        } catch {
            if pause != 0 { try? ProcessControl.signal(pid: pause, SIGKILL) }
            for path in pinned.reversed() { NamespaceFile.unpin(path) }
            throw MonitorFailure(.system, error.description, errno: error.errno.rawValue)
        }
    }

    private mutating func makeNamespaces() throws(SystemError) {
        if wanted.pins.isEmpty { return }
        let holder = try Child.holdNamespaces(wanted.pins.reduce(0) { $0 | UInt64(Self.flag($1.kind)) })
        defer {
            try? ProcessControl.signal(holder.pidfd, SIGKILL)
            _ = ProcessControl.wait(pid: holder.pid)
        }
        if !wanted.uidMap.isEmpty {
            try FileTree.write(Self.text(wanted.uidMap), to: "/proc/\(holder.pid)/uid_map")
            try FileTree.write(Self.text(wanted.gidMap), to: "/proc/\(holder.pid)/gid_map")
        }
        for pin in wanted.pins {
            try NamespaceFile.pin(pin.kind.name, ofProcess: holder.pid, at: pin.path)
            pinned.append(pin.path)
        }
    }

    /// In a process that joins the namespaces and ends.
    ///
    /// - Returns: the pid of the pause process, or 0.
    private func inHelper() throws(SystemError) -> Int32 {
        let needsHelper = wanted.pins.contains { $0.kind == .network } || !wanted.settings.isEmpty
        if !needsHelper && wanted.hostName == nil && wanted.domainName == nil && wanted.pause == nil {
            return 0
        }
        let pipe = try Pipe.make()
        let writer = pipe.writeNumber
        guard case .parent(let helper) = try Daemon.fork() else { help(writer) }
        let words = String(
            decoding: try pipe.takeReadEnd().readAll(limit: 4096, name: "the helper's report"), as: UTF8.self)
        _ = ProcessControl.wait(pid: helper)
        let parts = words.split(separator: "\n", maxSplits: 1)
        guard parts.count == 2, let number = Int32(parts[0]) else {
            throw SystemError("set the namespaces up: the helper has ended", Errno(EPIPE))
        }
        if number != 0 { throw SystemError(String(parts[1]), Errno(number)) }
        return Int32(parts[1]) ?? 0
    }

    /// The helper: says `0` and the pause process's pid, or the error's number and what was being done.
    private func help(_ writer: Int32) -> Never {
        var report: String
        // The pause process takes 0 and 1.
        let pipe = try? FileDescriptor.duplicate(writer)
        do throws(SystemError) {
            report = "0\n\(try setUp())"
        } catch {
            report = "\(error.errno.rawValue)\n\(error.doing)"
        }
        try? pipe?.write(report, name: "the monitor's pipe")
        Daemon.leave(0)
    }

    private func setUp() throws(SystemError) -> Int32 {
        // As containerd has it. Where scores may not be lowered it stays what everything here has.
        if wanted.pause != nil { try? FileTree.write(KillerScore.ofPause, to: KillerScore.path) }
        var userNamespace: String?
        for pin in wanted.pins {
            switch pin.kind {
            case .user: userNamespace = pin.path
            case .network, .ipc, .uts: try NamespaceFile.enter(pin.path, type: Self.flag(pin.kind))
            case .cgroup: continue
            }
        }
        // Some settings are the host's root's to write, and others, in newer kernels those of IPC, the root's of the
        // user namespace.
        var left: [Preparation.Setting] = []
        for setting in wanted.settings {
            if Self.owner(setting) == .user {
                left.append(setting)
                continue
            }
            do throws(SystemError) {
                try write(setting)
            } catch  where userNamespace != nil && error.errno == Errno(EACCES) {
                left.append(setting)
            }
        }
        if let name = wanted.hostName { try HostName.set(name) }
        if let name = wanted.domainName { try HostName.setDomain(name) }
        if wanted.pins.contains(where: { $0.kind == .network }) { try raiseLoopback() }
        if let userNamespace {
            try NamespaceFile.enter(userNamespace, type: Self.flag(.user))
            try NamespaceFile.becomeRoot()
            for setting in left { try write(setting) }
        }
        guard wanted.pause != nil else { return 0 }
        return try PauseProcess.launch()
    }

    private func write(_ setting: Preparation.Setting) throws(SystemError) {
        let path = Sysctl(name: setting.name, value: setting.value).path
        do throws(SystemError) {
            try FileTree.write(setting.value, to: "/proc/sys/\(path)")
        } catch {
            throw SystemError(Self.describe(setting), error.errno)
        }
    }

    private func raiseLoopback() throws(SystemError) {
        let connection = RouteConnection(try NetlinkSocket())
        do throws(Refusal) {
            guard let link = try connection.link(named: "lo") else { throw Refusal(Errno(ENODEV)) }
            try connection.setUp(link.index)
        } catch {
            throw SystemError("bring lo up", error.errno)
        }
    }

    private static func describe(_ setting: Preparation.Setting) -> String {
        "\(setting.name) = \"\(setting.value)\""
    }

    private static func owner(_ setting: Preparation.Setting) -> Preparation.Pin.Kind? {
        switch Sysctl(name: setting.name, value: setting.value).owner {
        case .network: .network
        case .ipc: .ipc
        case .uts: .uts
        case .user: .user
        default: nil
        }
    }

    /// CLONE_NEW*.
    private static func flag(_ kind: Preparation.Pin.Kind) -> Int32 {
        switch kind {
        case .network: 0x4000_0000
        case .ipc: 0x0800_0000
        case .uts: 0x0400_0000
        case .user: 0x1000_0000
        case .cgroup: 0x0200_0000
        }
    }

    private static func text(_ map: [Preparation.IDRange]) -> String {
        map.map { "\($0.inside) \($0.outside) \($0.count)\n" }.joined()
    }
}
