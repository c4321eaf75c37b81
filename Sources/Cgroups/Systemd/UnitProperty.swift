import DBus

/// A property of a unit, as systemd takes it over D-Bus (org.freedesktop.systemd1(5)).
struct UnitProperty: Equatable, Sendable {
    var name: String
    var value: Value

    init(_ name: String, _ value: Value) {
        self.name = name
        self.value = value
    }

    /// For a list of properties, `a(sv)`.
    static func list(_ properties: [UnitProperty]) -> Value {
        .array(
            of: .structure([.string, .variant]),
            properties.map { .structure([.string($0.name), .variant($0.value)]) })
    }
}

extension [UnitProperty] {
    /// What every container's unit has, beside its limits.
    ///
    /// Accounting is always on: the file-system driver has it so, and the memory controller does not count what
    /// was used before it came.
    static func base(_ name: UnitName, pid: Int32) -> [UnitProperty] {
        // runc's words, which some people search for.
        var properties = [UnitProperty("Description", .string("libcontainer container \(name.container)"))]
        if name.isSlice {
            // A slice's parent is in its name; processes come into it by another way.
            properties.append(UnitProperty("Wants", .strings([name.slice])))
        } else {
            properties += [
                UnitProperty("Slice", .string(name.slice)),
                UnitProperty("Delegate", .boolean(true)),
                UnitProperty("PIDs", .array(of: .uint32, [.uint32(UInt32(bitPattern: pid))])),
            ]
        }
        for name in ["MemoryAccounting", "CPUAccounting", "IOAccounting", "TasksAccounting"] {
            properties.append(UnitProperty(name, .boolean(true)))
        }
        // Else the unit would be ordered against the shutdown, and wait for the basic system.
        properties.append(UnitProperty("DefaultDependencies", .boolean(false)))
        return properties
    }
}
