import Diagnosis

extension Resources {
    /// Checks resources by themselves; see ``Config/validate()``.
    ///
    /// Of an update, validate what it is merged into: a limit for memory and swap together is only good
    /// beside one for memory.
    /// - Parameter pointer: Where they are in their document: `/linux/resources` in config.json, empty
    ///   in a document of their own.
    public func validate(at pointer: Pointer = "") throws(Failure) {
        for (index, rule) in devices.enumerated() {
            try rule.validate(at: { pointer.key("devices").index(index) })
        }
        try memory?.validate(at: pointer.key("memory"))
        try cpu?.validate(at: pointer.key("cpu"))
        if let limit = pids?.limit, limit < -1 {
            throw Failure(at: pointer.key("pids").key("limit"), "\(limit) is less than -1, which is no limit")
        }
        try blockIO?.validate(at: pointer.key("blockIO"))
        for (index, limit) in hugepageLimits.enumerated() where !Self.isPageSize(limit.pageSize) {
            throw Failure(
                at: pointer.key("hugepageLimits").index(index).key("pageSize"),
                "\(quoted(limit.pageSize)) is not a size such as \"64KB\", \"2MB\" or \"1GB\"")
        }
        for (index, priority) in (network?.priorities ?? []).enumerated() where priority.name.isEmpty {
            throw Failure(
                at: pointer.key("network").key("priorities").index(index).key("name"), "must not be empty")
        }
        for limit in rdma {
            if limit.device.isEmpty || limit.device.utf8.contains(where: { $0 <= 0x20 }) {
                throw Failure(
                    at: pointer.key("rdma").key(limit.device),
                    "\(quoted(limit.device)) is not the name of an RDMA device")
            }
            if limit.hcaHandles == nil, limit.hcaObjects == nil {
                throw Failure(
                    at: pointer.key("rdma").key(limit.device), "needs hcaHandles or hcaObjects, or both")
            }
        }
        for setting in unified { try setting.validate(at: { pointer.key("unified").key(setting.file) }) }
    }

    private static func isPageSize(_ text: String) -> Bool {
        guard text.hasSuffix("KB") || text.hasSuffix("MB") || text.hasSuffix("GB") else { return false }
        let digits = text.utf8.dropLast(2)
        return digits.first != UInt8(ascii: "0") && !digits.isEmpty
            && digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
}

extension Resources.DeviceRule {
    func validate(at pointer: () -> Pointer) throws(Failure) {
        try Self.validate(major, at: { pointer().key("major") })
        try Self.validate(minor, at: { pointer().key("minor") })
        if let access, let other = access.unicodeScalars.first(where: { $0 != "r" && $0 != "w" && $0 != "m" })
        {
            throw Failure(
                at: pointer().key("access"),
                "\(quoted(String(other))) is not an access: allowed are r (read), w (write) and m (mknod)")
        }
    }

    private static func validate(_ number: Int64?, at pointer: () -> Pointer) throws(Failure) {
        guard let number, number < -1 || number > Int64(UInt32.max) else { return }
        throw Failure(
            at: pointer(), "\(number) is out of range: 0 to \(UInt32.max), and -1 for any, is allowed")
    }
}

extension Resources.Memory {
    func validate(at pointer: Pointer) throws(Failure) {
        try Self.validate(limit, at: { pointer.key("limit") })
        try Self.validate(reservation, at: { pointer.key("reservation") })
        try Self.validate(swap, at: { pointer.key("swap") })
        // 0 is what engines write for a limit that was not asked for.
        if let swap, swap > 0 {
            guard let limit, limit > 0 else {
                throw Failure(
                    at: pointer.key("swap"),
                    "\(swap) limits memory and swap together, but memory has no limit",
                    remedy: "set /linux/resources/memory/limit too")
            }
            if swap < limit {
                throw Failure(
                    at: pointer.key("swap"),
                    "\(swap) limits memory and swap together, and is less than the memory limit, \(limit)")
            }
        }
        // All bits set is how some engines write -1, for what is not to be changed.
        if let swappiness, swappiness > 100, swappiness != .max {
            throw Failure(at: pointer.key("swappiness"), "\(swappiness) is out of range: 0 to 100 is allowed")
        }
    }

    private static func validate(_ limit: Int64?, at pointer: () -> Pointer) throws(Failure) {
        guard let limit, limit < -1 else { return }
        throw Failure(at: pointer(), "\(limit) is less than -1, which is no limit")
    }
}

extension Resources.CPU {
    func validate(at pointer: Pointer) throws(Failure) {
        try validateNumberList(cpus, at: { pointer.key("cpus") })
        try validateNumberList(mems, at: { pointer.key("mems") })
        if let idle, idle != 0, idle != 1 {
            throw Failure(at: pointer.key("idle"), "\(idle) is out of range: 0 or 1 is allowed")
        }
        if let burst, let quota, quota > 0, burst > UInt64(quota) {
            throw Failure(at: pointer.key("burst"), "\(burst) is more than the quota, \(quota)")
        }
    }
}

extension Resources.Unified {
    func validate(at pointer: () -> Pointer) throws(Failure) {
        let parts = file.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let isName = parts.count == 2 && parts.allSatisfy { !$0.isEmpty }
        guard isName, !file.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == 0 }) else {
            throw Failure(
                at: pointer(), "\(quoted(file)) is not a file of a control group, such as \"memory.high\"")
        }
    }
}
