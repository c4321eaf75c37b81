/// How long the daemon waits for others: whoever waits holds the lock of a pod or a container meanwhile, and a new daemon
/// does not serve.
enum TimeLimits {
    /// For a monitor's answer to what it does at once: on its thread nothing waits but for the file system of `run`. A
    /// machine that swaps takes seconds; a new daemon has to serve before systemd gives it up (90 s), and kubelet.
    static let answer = Duration.seconds(10)
    /// For namespaces: networks are made one after the other by the kernel, some 20 ms each on a busy machine, and a booted
    /// host's kubelet may ask for 250 pods at once.
    static let preparation = Duration.seconds(60)
    /// For a monitor that leaves, which has killed all that it has and reaps it: as long as a killed process may take to
    /// die (`pods.kill_timeout`) by default, and what it then does.
    static let shutdown = Duration.seconds(70)
    /// For the answer to what the monitor itself breaks off in time: as much longer.
    static let grace = Duration.seconds(10)
    /// For a monitor to be started: a program that is read from a disk under load.
    static let launch = Duration.seconds(30)
    /// For a runtime that makes or starts a container, or ends it: hooks belong to that. As long as kubelet waits
    /// (`runtimeRequestTimeout`).
    static let runtime = Duration.seconds(120)
    /// For `features`, which reads nothing and is part of the answer to Status: kubelet asks for that every few seconds.
    static let features = Duration.seconds(5)

    /// In a monitor's protocol.
    static func milliseconds(_ limit: Duration) -> UInt32 {
        UInt32(
            clamping: limit.components.seconds * 1000
                + limit.components.attoseconds / 1_000_000_000_000_000)
    }
}
