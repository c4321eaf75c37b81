extension Verb {
    /// The options of `update` that change a limit each.
    static var limits: [Flag] {
        [
            Flag(
                .resources, short: "r", .text("FILE"),
                "JSON file of the limits, - for standard input; the other options then say nothing"),
            Flag(.blkioWeight, .number("WEIGHT"), "weight for block I/O, 10 to 1000"),
            Flag(
                .cpuPeriod, .text("MICROSECONDS"), "period that the CPU quota counts for, 0 for the system's"),
            Flag(.cpuQuota, .text("MICROSECONDS"), "CPU time in a period"),
            Flag(.cpuBurst, .text("MICROSECONDS"), "unused CPU time that may be carried over"),
            Flag(.cpuShare, .text("SHARES"), "CPU weight against other containers"),
            Flag(.cpuRtPeriod, .text("MICROSECONDS"), "period that the realtime quota counts for"),
            Flag(.cpuRtRuntime, .text("MICROSECONDS"), "realtime CPU time in a period"),
            Flag(.cpuIdle, .text("0|1"), "1 to run only on CPUs that are idle"),
            Flag(.cpusetCpus, .text("LIST"), "CPUs to use"),
            Flag(.cpusetMems, .text("LIST"), "memory nodes to use"),
            Flag(.memory, .text("BYTES"), "memory limit; -1 for none"),
            Flag(.memoryReservation, .text("BYTES"), "memory that is reclaimed last"),
            Flag(.memorySwap, .text("BYTES"), "limit of memory and swap together; -1 for none"),
            Flag(.kernelMemory, .text("BYTES"), "no effect", isHidden: true),
            Flag(.kernelMemoryTcp, .text("BYTES"), "no effect", isHidden: true),
            Flag(.pidsLimit, .number("N"), "number of processes; -1 for no limit"),
            Flag(.l3CacheSchema, .text("SCHEMA"), "Intel RDT schema of the L3 cache"),
            Flag(.memBwSchema, .text("SCHEMA"), "Intel RDT schema of the memory bandwidth"),
        ]
    }
}
