/// Every key that there is, in the order of the default file.
enum Settings {
    static let sections: [Section] = [
        Section(
            "", "",
            [
                Setting(
                    "root", \.root, "Images, what containers wrote, and records that outlive a boot.",
                    check: Check.absolute),
                Setting(
                    "run", \.run,
                    "Sockets, namespaces, bundles: what ends with the boot. Keep it on a tmpfs.",
                    check: Check.absolute),
                Setting(
                    "default_handler", \.defaultHandler,
                    "The runtime of pods that name none: one of [handlers]."),
            ]),
        Section(
            "socket", "Where kubelet and crictl connect. Sockets that systemd passes are taken as they are.",
            [
                Setting("path", \.socket.path, "", check: Check.absolute),
                Setting(
                    "mode", \.socket.mode, "Octal. Whoever may write to the socket is root on this host."),
                Setting("uid", \.socket.uid, "The socket's owner, and its group.", check: identity),
                Setting("gid", \.socket.gid, "", check: identity),
                Setting(
                    "stop_grace", \.socket.stopGrace,
                    "How long running calls may go on when the daemon is stopped. Pods are not touched."),
            ]),
        Section(
            "log", "To standard error.",
            [
                Setting("level", \.log.level, "trace, debug, info, notice, warning, error or critical."),
                Setting("format", \.log.format, "text, or json: an object a line."),
            ]),
        Section(
            "cgroups", "",
            [
                Setting(
                    "driver", \.cgroups.driver,
                    """
                    Who makes the cgroups of containers: systemd, cgroupfs, or auto, which is systemd where it runs.
                    kubelet asks for it, and takes the same.
                    """),
                Setting(
                    "monitors", \.cgroups.monitors,
                    """
                    The cgroup that the pods' monitors go in, away from the daemon's own, so that nobody stops them with
                    it: a path, or the name of a slice.
                    """,
                    check: monitorCgroup),
            ]),
        Section(
            "images", "",
            [
                Setting(
                    "registries", \.images.registries,
                    """
                    A directory with one for each registry, in it hosts.toml: mirrors, authorities, certificates of the
                    client. Changes need no restart.
                    """,
                    check: Check.absolute),
                Setting(
                    "downloads", \.images.downloads,
                    "Layers that are fetched at one time from one registry, of all pulls together.",
                    check: Check.positive),
                Setting(
                    "unpacks", \.images.unpacks, "Layers that are unpacked at one time.",
                    check: Check.positive),
                Setting(
                    "stall_timeout", \.images.stallTimeout,
                    """
                    A server from which nothing has come for so long, or next to nothing (64 KiB), is given up, and asked
                    once more after all others. A pull fails then, whatever kubelet's own deadline is.
                    """,
                    check: Check.positive),
                Setting(
                    "keep_blobs", \.images.keepBlobs,
                    "Keeps what was fetched beside what was unpacked of it. Nothing here needs it twice."),
                Setting(
                    "collect_after", \.images.collectAfter,
                    "Layers that no image and no container has any more are removed after this time."),
                Setting(
                    "pinned", \.images.pinned,
                    "References of images that kubelet must not remove to make space."),
            ]),
        Section(
            "images.limits",
            "How much of an image is unpacked. Beyond it the image is refused, and leaves nothing.",
            [
                Setting(
                    "layer", \.images.limits.layer, "Bytes of one layer's archive.", check: Check.positive),
                Setting(
                    "image", \.images.limits.image,
                    "Bytes of all layers together: fetched, unpacked, on disk.",
                    check: Check.positive),
                Setting(
                    "entries", \.images.limits.entries, "Files and directories, all layers together.",
                    check: Check.positive),
                Setting("depth", \.images.limits.depth, "Names in one path.", check: Check.positive),
                Setting("path", \.images.limits.path, "Bytes of one path.", check: Check.positive),
                Setting(
                    "ratio", \.images.limits.ratio, "How many times as large as its blob an archive may be,",
                    check: Check.positive),
                Setting(
                    "ratio_floor", \.images.limits.ratioFloor,
                    "unless it is no larger than this: zeros pack well."),
            ]),
        Section(
            "network", "Pods' networks are made by CNI plugins.",
            [
                Setting(
                    "configurations", \.network.configurations, "The directory of the lists.",
                    check: Check.absolute),
                Setting("name", \.network.name, "Of the list to use; \"\" is the first by the files' names."),
                Setting(
                    "plugins", \.network.plugins,
                    "Directories of the plugins' programs. The first that has one wins.",
                    check: Check.absolute),
                Setting(
                    "cache", \.network.cache,
                    "Where the results are kept that DEL needs; \"\" is `network` in `root`. It must outlive the boot.",
                    check: Check.absolute),
                Setting(
                    "plugin_timeout", \.network.pluginTimeout, "How long each plugin may take.",
                    check: Check.positive),
            ]),
        Section("pods", "What containers are given, and what is refused to them.", pods),
    ]

    private static let pods: [Setting<Configuration>] = [
        Setting(
            "seccomp_profile", \.pods.seccompProfile,
            "A profile in the OCI's form that is RuntimeDefault; \"\" is the one built in.",
            check: Check.absolute),
        Setting(
            "unset_seccomp", \.pods.unsetSeccomp,
            "What a container gets that asks for no profile: unconfined, as the interface has it, or runtime/default."
        ),
        Setting(
            "seccomp_root", \.pods.seccompRoot,
            "Where Localhost profiles with relative names are; \"\" allows only absolute ones.",
            check: Check.absolute),
        Setting(
            "apparmor_profile", \.pods.apparmorProfile,
            "The loaded AppArmor profile that is RuntimeDefault; \"\" is none."),
        Setting(
            "selinux_process_context", \.pods.selinuxProcessContext,
            "SELinux contexts without a level, where it is on.", check: selinuxContext),
        Setting("selinux_file_context", \.pods.selinuxFileContext, "", check: selinuxContext),
        Setting(
            "capabilities", \.pods.capabilities,
            "What containers have that are not privileged, before they add and drop.",
            check: Check.capabilities),
        Setting(
            "ulimits", \.pods.ulimits,
            "Limits of every process, soft and hard: [\"nofile=1024:4096\", \"core=unlimited\"]. Else the daemon's own."
        ),
        Setting(
            "pids_limit", \.pods.pidsLimit, "The most tasks of a container; 0 leaves it to its pod's cgroup."),
        Setting(
            "restrict_oom_score_adj", \.pods.restrictOOMScoreAdjustment,
            "Where the host forbids a lower one, a container gets the daemon's own OOM score adjustment. Else it fails."
        ),
        Setting(
            "tolerate_missing_hugetlb", \.pods.tolerateMissingHugetlb,
            "Leaves limits of huge pages out where there is no controller for them. Else they are refused."),
        Setting(
            "disable_proc_mount", \.pods.disableProcMount,
            "Masks the usual paths of /proc and /sys, whatever a container asks for."),
        Setting(
            "cgroup_writable", \.pods.cgroupWritable,
            "/sys/fs/cgroup can be written to by containers that are not privileged."),
        Setting(
            "device_ownership_from_security_context", \.pods.deviceOwnership,
            "Gives the nodes of devices to the user and group that the container runs as."),
        Setting(
            "cdi_dirs", \.pods.cdiDirectories, "Directories of CDI specifications; the last wins.",
            check: Check.absolute),
        Setting(
            "unprivileged_ports", \.pods.unprivilegedPorts,
            "Sets net.ipv4.ip_unprivileged_port_start to 0 in pods with a network of their own that do not set it."
        ),
        Setting(
            "unprivileged_icmp", \.pods.unprivilegedICMP,
            "Sets net.ipv4.ping_group_range to all groups, likewise, but in user namespaces."),
        Setting(
            "refused_missing_paths", \.pods.refusedMissingPaths,
            "Paths on the host that are refused, and not made, where a mount names them and they are missing.",
            check: Check.absolute),
        Setting(
            "kill_timeout", \.pods.killTimeout, "How long a container's end is waited for after SIGKILL.",
            check: Check.positive),
        Setting(
            "exec_output", \.pods.execOutput, "How much of each stream ExecSync returns.", check: execOutput),
    ]

    /// Of a table in `[handlers]`.
    static let handler: [Setting<Configuration.Handler>] = [
        Setting("path", \.path, "The executable. Required.", check: Check.absolute),
        Setting(
            "kind", \.kind,
            "apus, or oci: any other runtime with the command line of runc, such as crun, runc, runsc and kata-runtime."
        ),
        Setting("arguments", \.arguments, "What it is given before each command."),
        Setting(
            "root", \.root, "Its state directory (--root); \"\" is `runtimes/NAME` in `run`.",
            check: Check.absolute),
        Setting(
            "privileged_without_host_devices", \.privilegedWithoutHostDevices,
            "Privileged containers get only the devices that they name,"),
        Setting(
            "privileged_without_host_devices_all_devices_allowed", \.privilegedWithoutHostDevicesAllAllowed,
            "and may still use all."),
        Setting(
            "pod_annotations", \.podAnnotations,
            "Annotations of pods, and of containers, that it may see: patterns, such as \"dev.gvisor.*\"."),
        Setting("container_annotations", \.containerAnnotations, ""),
    ]

    static let handlersExplanation = """
        The runtimes that RuntimeClasses may name: [handlers.NAME]. What is not said of apus here is as below.
        """

    @Sendable private static func identity(_ number: Int) -> String? {
        // The largest is chown(2)'s "leave it".
        number < UInt32.max ? nil : "is \(number): the largest is \(UInt32.max - 1)"
    }

    @Sendable private static func monitorCgroup(_ name: String) -> String? {
        let isSlice = name.hasSuffix(".slice") && !name.contains("/")
        return isSlice || Check.absolute(name) == nil
            ? nil : "is \(quoted(name)), which is neither an absolute path nor the name of a slice"
    }

    @Sendable private static func selinuxContext(_ context: String) -> String? {
        let parts = context.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 3 && !parts.contains("")
            ? nil : "is \(quoted(context)), which is not USER:ROLE:TYPE"
    }

    @Sendable private static func execOutput(_ count: ByteCount) -> String? {
        // Both streams share a message, and kubelet takes one of 16 MiB.
        count.bytes > 0 && count.bytes <= 16 << 20
            ? nil : "is \(count.toml): it has to be from 1 to \"16MiB\""
    }
}
