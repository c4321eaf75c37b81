import OCISpec

extension Compilation {
    /// What every container has, from the outside in; a container's own mount at the same place takes its place.
    func defaultMounts() -> [Mount] {
        let isPrivileged = security.privileged
        let access = isPrivileged ? "rw" : "ro"
        return [
            Mount("/proc", "proc", "proc", ["nosuid", "noexec", "nodev"]),
            Mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
            Mount("/dev/pts", "devpts", "devpts", terminalOptions),
            messageQueues,
            sysfs(access),
            Mount(
                "/sys/fs/cgroup", "cgroup", "cgroup",
                ["nosuid", "noexec", "nodev", "relatime", isPrivileged ? "rw" : cgroupAccess]
                    // Where the namespace is the host's, so is the superblock, and these would be taken from it.
                    + (linux.has(.cgroup) ? [] : input.host.cgroupOptions)),
        ]
    }

    private var cgroupAccess: String { input.options.cgroupWritable && linux.has(.cgroup) ? "rw" : "ro" }

    /// Group 5 is tty by custom; where it is not mapped, nodes cannot be given to it.
    private var terminalOptions: [String] {
        let options = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
        if let mappings = namespaces.userMappings, !mappings.gids.contains(where: { $0.covers(5) }) {
            return options
        }
        return options + ["gid=5"]
    }

    /// Nobody but the owner of an IPC namespace can mount its queues.
    private var messageQueues: Mount {
        if namespaces.isHostIPC && namespaces.userMappings != nil {
            return Mount("/dev/mqueue", "bind", "/dev/mqueue", ["rbind", "nosuid", "noexec", "nodev"])
        }
        return Mount("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"])
    }

    /// Nobody but the owner of a network namespace can mount its sysfs.
    private func sysfs(_ access: String) -> Mount {
        if namespaces.isHostNetwork && namespaces.userMappings != nil {
            let recursive = access == "ro" && input.handler.recursiveReadOnlyMounts ? "rro" : access
            return Mount("/sys", "bind", "/sys", ["rbind", "nosuid", "noexec", "nodev", recursive])
        }
        return Mount("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", access])
    }

    /// The pod's files in /etc, the image's volumes, and /dev/shm.
    func podMounts() -> [Mount] {
        var mounts: [Mount] = []
        let access = security.readonlyRootfs ? "ro" : "rw"
        for (name, source) in [
            ("/etc/hostname", input.paths.hostname), ("/etc/hosts", input.paths.hosts),
            ("/etc/resolv.conf", input.paths.resolvConf),
        ] {
            guard let source else { continue }
            mounts.append(Mount(name, "bind", source, ["rbind", "rprivate", access]))
        }
        let shared = namespaces.isHostIPC ? "/dev/shm" : input.paths.sharedMemory
        if let shared { mounts.append(Mount("/dev/shm", "bind", shared, ["rbind", "rprivate", "rw"])) }
        for volume in input.image.volumes {
            guard let directory = input.volumeDirectories[volume] else { continue }
            let target = cleanPath(volume)
            // Nothing can be mounted over the root.
            if target == "/" { continue }
            mounts.append(Mount(target, "bind", directory, ["rbind", "rprivate", "rw"]))
        }
        return mounts
    }
}

extension Mount {
    init(_ destination: String, _ type: String, _ source: String, _ options: [String]) {
        self.init(destination: destination)
        self.type = type
        self.source = source
        self.options = options
    }

    /// How deep below the root it is.
    var nesting: Int { target.utf8.count { $0 == UInt8(ascii: "/") } }
}
