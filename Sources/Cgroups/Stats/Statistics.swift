import Diagnosis

/// What a container uses, in the terms of cgroup v1, in which runc and its callers speak: what v2 has other
/// names or units for is converted.
///
/// A figure that the host does not have is 0, and a list empty.
public struct Statistics: Equatable, Sendable {
    public var cpu = CPU()
    public var cpuset = Cpuset()
    public var memory = Memory()
    public var pids = Pids()
    public var blockIO = BlockIO()
    /// By page size: `2MB`.
    public var hugetlb: [String: Hugetlb] = [:]
    /// What `intel_rdt` is to say, which is not of cgroups: a JSON object.
    public var intelRdt = Array("{}".utf8)

    public init() {}
}

extension Statistics {
    /// Times are in nanoseconds, since the cgroup was made.
    public struct CPU: Equatable, Sendable {
        public var total: UInt64 = 0
        public var kernel: UInt64 = 0
        public var user: UInt64 = 0
        /// One for each CPU; cgroup v1 only.
        public var perCPU: [UInt64] = []
        public var perCPUKernel: [UInt64] = []
        public var perCPUUser: [UInt64] = []
        /// Periods of the quota in which there was something to run, and those in which it was used up.
        public var periods: UInt64 = 0
        public var throttledPeriods: UInt64 = 0
        public var throttledTime: UInt64 = 0
        public var pressure: Pressure?
    }

    /// cgroup v1 only (cpuset(7)).
    public struct Cpuset: Equatable, Sendable {
        public var cpus: [UInt16] = []
        public var mems: [UInt16] = []
        /// By the name of the file without its prefix: `cpu_exclusive`.
        public var flags: [String: UInt64] = [:]
        public var schedRelaxDomainLevel: Int64 = 0
    }

    public struct Memory: Equatable, Sendable {
        /// Bytes of the page cache.
        public var cache: UInt64 = 0
        public var usage = Counter()
        /// Memory and swap together.
        public var swap = Counter()
        public var kernel = Counter()
        public var kernelTCP = Counter()
        /// The lines of memory.stat.
        public var raw: [String: UInt64] = [:]
        public var pressure: Pressure?
    }

    /// Bytes.
    public struct Counter: Equatable, Sendable {
        /// The greatest number there is for "unlimited"; 0 for "not there".
        public var limit: UInt64 = 0
        public var usage: UInt64 = 0
        /// The highest usage so far.
        public var peak: UInt64 = 0
        /// How often the limit was hit.
        public var failures: UInt64 = 0
    }

    public struct Pids: Equatable, Sendable {
        public var current: UInt64 = 0
        /// 0 for "unlimited".
        public var limit: UInt64 = 0
    }

    public struct BlockIO: Equatable, Sendable {
        public var serviceBytes: [Entry] = []
        public var serviced: [Entry] = []
        public var queued: [Entry] = []
        public var serviceTime: [Entry] = []
        public var waitTime: [Entry] = []
        public var merged: [Entry] = []
        public var time: [Entry] = []
        public var sectors: [Entry] = []
        public var pressure: Pressure?

        public struct Entry: Equatable, Sendable {
            public var major: UInt64
            public var minor: UInt64
            /// `Read`, `Write` and so on; empty where a file does not tell them apart.
            public var operation: String
            public var value: UInt64
        }
    }

    /// Bytes.
    public struct Hugetlb: Equatable, Sendable {
        public var usage: UInt64 = 0
        public var peak: UInt64 = 0
        public var failures: UInt64 = 0
    }

    /// How long processes had to wait for a resource (Documentation/accounting/psi.rst).
    public struct Pressure: Equatable, Sendable {
        /// At least one waited.
        public var some = Share()
        /// All waited.
        public var full = Share()

        public struct Share: Equatable, Sendable {
            /// Per cent of the last 10, 60 and 300 seconds.
            public var average10 = 0.0
            public var average60 = 0.0
            public var average300 = 0.0
            /// Microseconds in all.
            public var total: UInt64 = 0
        }
    }
}

extension ContainerCgroup {
    /// What the container uses now. On a host with both trees, cgroup v2 has the figures that v1 does not.
    public func statistics() throws(Failure) -> Statistics {
        var legacy = paths
        let unified = legacy.removeValue(forKey: "")
        do throws(SystemError) {
            var statistics = try LegacyStatistics(directories: legacy).read()
            if let unified {
                try UnifiedStatistics(directory: unified, except: Set(legacy.keys)).read(into: &statistics)
            }
            return statistics
        } catch {
            throw Failure(.runtime, error)
        }
    }
}
