import Arguments
import Diagnosis
import Kernel
import OCISpec

extension Call {
    func update() throws(Failure) {
        let schemata = [Flag.Name.l3CacheSchema, .memBwSchema].compactMap { name in
            given(name).map { (line: $0, option: "--\(name.rawValue)") }
        }
        if let file = options.text(.resources), !file.isEmpty {
            let changes = try Self.resources(file)
            return try runtime.update(id, changes, schemata: schemata)
        }
        let changes = try limits()
        do throws(Failure) {
            try runtime.update(id, changes, schemata: schemata)
        } catch {
            var failure = error
            if case .config(let field) = error.origin, let option = Self.option(for: field) {
                failure.origin = .option(option)
            }
            throw failure
        }
    }

    /// Reads a `resources` document; `-` is standard input.
    private static func resources(_ file: String) throws(Failure) -> Resources {
        let bytes = try Failure.blaming(.option("--resources")) { () throws(SystemError) in
            let limit = Config.maximumSize + 1
            if file == "-" { return try StandardDescriptors.readInput(limit: limit) }
            return try FileTree.read(file, limit: limit)
        }
        return try Resources.decode(bytes)
    }

    /// The limits that options name. An empty value counts as none, as in runc.
    private func limits() throws(Failure) -> Resources {
        var memory = Resources.Memory()
        memory.limit = try bytes(.memory)
        memory.reservation = try bytes(.memoryReservation)
        memory.swap = try bytes(.memorySwap)
        memory.kernel = try bytes(.kernelMemory)
        memory.kernelTCP = try bytes(.kernelMemoryTcp)
        var cpu = Resources.CPU()
        cpu.shares = try integer(.cpuShare)
        cpu.quota = try integer(.cpuQuota)
        cpu.period = try integer(.cpuPeriod)
        cpu.burst = try integer(.cpuBurst)
        cpu.realtimeRuntime = try integer(.cpuRtRuntime)
        cpu.realtimePeriod = try integer(.cpuRtPeriod)
        cpu.idle = try integer(.cpuIdle)
        cpu.cpus = given(.cpusetCpus)
        cpu.mems = given(.cpusetMems)

        var resources = Resources()
        if memory != .init() { resources.memory = memory }
        if cpu != .init() { resources.cpu = cpu }
        if let limit = options.number(.pidsLimit) {
            resources.pids = .init()
            resources.pids?.limit = Int64(limit)
        }
        if let weight = options.number(.blkioWeight), weight != 0 {
            guard let number = UInt16(exactly: weight) else {
                throw Failure(
                    .option("--blkio-weight"), reason: "\(weight) is out of range: 10 to 1000 is allowed")
            }
            resources.blockIO = .init()
            resources.blockIO?.weight = number
        }
        return resources
    }

    private func given(_ name: Flag.Name) -> String? {
        guard let text = options.text(name), !text.isEmpty else { return nil }
        return text
    }

    private func bytes(_ name: Flag.Name) throws(Failure) -> Int64? {
        guard let text = given(name) else { return nil }
        guard let bytes = ByteSize.bytes(text) else {
            throw Failure(
                .option("--\(name.rawValue)"),
                reason: "invalid value \"\(text)\": not a size such as 512m, 1g or -1")
        }
        return bytes
    }

    private func integer<Integer: FixedWidthInteger>(_ name: Flag.Name) throws(Failure) -> Integer? {
        guard let text = given(name) else { return nil }
        guard let number = Integer(text) else {
            throw Failure(
                .option("--\(name.rawValue)"),
                reason: "invalid value \"\(text)\": not a whole number"
                    + (Integer.isSigned ? "" : " from 0 up"))
        }
        return number
    }

    /// The option that sets a field of `resources`.
    private static func option(for field: Pointer) -> String? {
        let options: [String: Flag.Name] = [
            "/memory/limit": .memory, "/memory/reservation": .memoryReservation, "/memory/swap": .memorySwap,
            "/cpu/shares": .cpuShare, "/cpu/quota": .cpuQuota, "/cpu/period": .cpuPeriod,
            "/cpu/burst": .cpuBurst, "/cpu/realtimeRuntime": .cpuRtRuntime,
            "/cpu/realtimePeriod": .cpuRtPeriod, "/cpu/idle": .cpuIdle, "/cpu/cpus": .cpusetCpus,
            "/cpu/mems": .cpusetMems, "/pids/limit": .pidsLimit, "/blockIO/weight": .blkioWeight,
        ]
        return options[field.description].map { "--\($0.rawValue)" }
    }
}
