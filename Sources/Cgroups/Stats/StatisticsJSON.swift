import OCISpec

// The keys, their order and which of them are left out at 0 are those of runc's `events`
// (types/events.go of runc 1.1 to 1.3; `psi` from 1.2 on).

extension Statistics {
    /// Writes the `data` of an event of the type `stats`.
    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.key("cpu")
            cpu.encode(to: &writer)
            writer.key("cpuset")
            cpuset.encode(to: &writer)
            writer.key("memory")
            memory.encode(to: &writer)
            writer.key("pids")
            writer.object { writer in
                writer.unlessZero("current", pids.current)
                writer.unlessZero("limit", pids.limit)
            }
            writer.key("blkio")
            blockIO.encode(to: &writer)
            writer.key("hugetlb")
            writer.object { writer in
                for (size, entry) in hugetlb.sorted(by: { $0.key < $1.key }) {
                    writer.key(size)
                    writer.object { writer in
                        writer.unlessZero("usage", entry.usage)
                        writer.unlessZero("max", entry.peak)
                        writer.member("failcnt", entry.failures)
                    }
                }
            }
            writer.key("intel_rdt")
            writer.json(intelRdt)
            // runc has figures of interfaces that it made itself only, and nobody can ask it for one.
            writer.key("network_interfaces")
            writer.null()
        }
    }
}

extension Statistics.CPU {
    fileprivate func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.key("usage")
            writer.object { writer in
                writer.unlessZero("total", total)
                writer.unlessEmpty("percpu", perCPU)
                writer.unlessEmpty("percpu_kernel", perCPUKernel)
                writer.unlessEmpty("percpu_user", perCPUUser)
                writer.member("kernel", kernel)
                writer.member("user", user)
            }
            writer.key("throttling")
            writer.object { writer in
                writer.unlessZero("periods", periods)
                writer.unlessZero("throttledPeriods", throttledPeriods)
                writer.unlessZero("throttledTime", throttledTime)
            }
            pressure?.encode(to: &writer)
        }
    }
}

extension Statistics.Cpuset {
    /// In the order of the output; `mems` stands after the first.
    static let flagNames = [
        "cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page",
        "memory_spread_slab", "memory_pressure", "sched_load_balance",
    ]

    fileprivate func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.unlessEmpty("cpus", cpus.map(UInt64.init))
            for (position, name) in Self.flagNames.enumerated() {
                writer.member(name, flags[name] ?? 0)
                if position == 0 { writer.unlessEmpty("mems", mems.map(UInt64.init)) }
            }
            writer.member("sched_relax_domain_level", Int(schedRelaxDomainLevel))
        }
    }
}

extension Statistics.Memory {
    fileprivate func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.unlessZero("cache", cache)
            for (name, counter) in [
                ("usage", usage), ("swap", swap), ("kernel", kernel), ("kernelTCP", kernelTCP),
            ] {
                writer.key(name)
                writer.object { writer in
                    writer.member("limit", counter.limit)
                    writer.unlessZero("usage", counter.usage)
                    writer.unlessZero("max", counter.peak)
                    writer.member("failcnt", counter.failures)
                }
            }
            if !raw.isEmpty {
                writer.key("raw")
                writer.object { writer in
                    for (key, value) in raw.sorted(by: { $0.key < $1.key }) { writer.member(key, value) }
                }
            }
            pressure?.encode(to: &writer)
        }
    }
}

extension Statistics.BlockIO {
    fileprivate func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            for (name, entries) in [
                ("ioServiceBytesRecursive", serviceBytes), ("ioServicedRecursive", serviced),
                ("ioQueueRecursive", queued), ("ioServiceTimeRecursive", serviceTime),
                ("ioWaitTimeRecursive", waitTime), ("ioMergedRecursive", merged),
                ("ioTimeRecursive", time), ("sectorsRecursive", sectors),
            ] where !entries.isEmpty {
                writer.key(name)
                writer.array { writer in
                    for entry in entries { entry.encode(to: &writer) }
                }
            }
            pressure?.encode(to: &writer)
        }
    }
}

extension Statistics.BlockIO.Entry {
    fileprivate func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.unlessZero("major", major)
            writer.unlessZero("minor", minor)
            if !operation.isEmpty { writer.member("op", operation) }
            writer.unlessZero("value", value)
        }
    }
}

extension Statistics.Pressure {
    fileprivate func encode(to writer: inout JSONWriter) {
        writer.key("psi")
        writer.object { writer in
            for (name, share) in [("some", some), ("full", full)] {
                writer.key(name)
                writer.object { writer in
                    writer.key("avg10")
                    writer.number(share.average10)
                    writer.key("avg60")
                    writer.number(share.average60)
                    writer.key("avg300")
                    writer.number(share.average300)
                    writer.member("total", share.total)
                }
            }
        }
    }
}

extension JSONWriter {
    fileprivate mutating func unlessZero(_ name: String, _ value: UInt64) {
        if value != 0 { member(name, value) }
    }

    fileprivate mutating func unlessEmpty(_ name: String, _ values: [UInt64]) {
        if values.isEmpty { return }
        key(name)
        array { writer in
            for value in values { writer.unsigned(value) }
        }
    }
}
