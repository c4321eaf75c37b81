import CStage
import Diagnosis
import Glibc
import OCISpec

extension Compiler {
    /// The nodes that config-linux.md, "Default Devices", promises, and those of the configuration.
    mutating func makeDevices() {
        // A /dev brought from outside is not ours to fill.
        let isForeign = config.mounts.contains { $0.isBind && $0.target == "/dev" }
        guard !isForeign else { return }
        let configured = config.linux?.devices ?? []
        for (path, minor) in Self.defaultDevices
        where !configured.contains(where: { $0.path == path }) {
            makeDevice(
                path, kind: UInt32(S_IFCHR), mode: 0o666, major: path == "/dev/tty" ? 5 : 1, minor: minor,
                uid: 0,
                gid: 0, .runtime)
        }
        // What there is at /dev/ptmx gives way to a link in the end.
        for (position, device) in configured.enumerated() where device.path != "/dev/ptmx" {
            let kind: mode_t
            switch device.type {
            case .c, .u: kind = S_IFCHR
            case .b: kind = S_IFBLK
            case .p: kind = S_IFIFO
            }
            makeDevice(
                device.path, kind: UInt32(kind), mode: (device.fileMode ?? 0o666) & 0o7777,
                major: device.major ?? 0,
                minor: device.minor ?? 0, uid: device.uid ?? 0, gid: device.gid ?? 0,
                .config(Pointer("/linux/devices").index(position)))
        }
        makeLinks()
    }

    /// The device nodes that a container of this configuration has.
    public static func deviceNodes(_ config: Config) -> [String] {
        defaultDevices.map(\.path) + (config.linux?.devices ?? []).map(\.path)
    }

    private static let defaultDevices: [(path: String, minor: UInt32)] = [
        ("/dev/null", 3), ("/dev/zero", 5), ("/dev/full", 7), ("/dev/random", 8), ("/dev/urandom", 9),
        ("/dev/tty", 0),
    ]

    private mutating func makeDevice(
        _ path: String, kind: UInt32, mode: UInt32, major: UInt32, minor: UInt32, uid: UInt32, gid: UInt32,
        _ origin: Failure.Origin
    ) {
        // In a user namespace nobody may make a node, so the host's is bound; its mode and owner stay.
        if kind != UInt32(S_IFIFO) && (config.namespace(.user) != nil || !facts.isPrivileged) {
            builder.step(
                Operation(
                    PLAN_MOUNT_BIND, strings: (builder.string(path), builder.string(path), 0, 0)),
                origin, "bind the host's \(path)")
            return
        }
        builder.step(
            Operation(
                PLAN_DEVICE, strings: (builder.string(path), 0, 0, 0),
                numbers: (
                    UInt64(kind | mode), UInt64(makedev(major, minor)), UInt64(uid) | UInt64(gid) << 32, 0
                )),
            origin, "make the device \(path) (\(Int(major)):\(Int(minor)))")
    }

    private mutating func makeLinks() {
        link("/dev/fd", to: "/proc/self/fd")
        link("/dev/stdin", to: "/proc/self/fd/0")
        link("/dev/stdout", to: "/proc/self/fd/1")
        link("/dev/stderr", to: "/proc/self/fd/2")
        if facts.hasKcore { link("/dev/core", to: "/proc/kcore") }
        // But a ptmx of the image is the host's terminal multiplexer, and must not stay.
        builder.step(
            Operation(
                PLAN_SYMLINK, flags: UInt32(PLAN_SYMLINK_REPLACE),
                strings: (builder.string("/dev/ptmx"), builder.string("pts/ptmx"), 0, 0)),
            .runtime, "link /dev/ptmx to pts/ptmx")
    }

    private mutating func link(_ path: String, to target: String) {
        // What an image already has there stays.
        builder.step(
            Operation(
                PLAN_SYMLINK, tolerated: [EEXIST],
                strings: (builder.string(path), builder.string(target), 0, 0)),
            .runtime, "link \(path) to \(target)")
    }

    /// makedev(3), which is a macro.
    private func makedev(_ major: UInt32, _ minor: UInt32) -> UInt64 {
        let major = UInt64(major)
        let minor = UInt64(minor)
        return (major & 0xfff) << 8 | (major & ~0xfff) << 32 | (minor & 0xff) | (minor & ~0xff) << 12
    }
}
