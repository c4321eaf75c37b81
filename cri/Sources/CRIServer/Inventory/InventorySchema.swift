import GRDB

/// The tables of pods and containers in the daemon's database.
public enum InventorySchema {
    public static func register(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("pods and containers") { database in
            try database.create(table: "pods") { table in
                table.primaryKey("id", .text)
                table.column("createdAt", .integer).notNull()
                table.column("handler", .text).notNull()
                table.column("state", .text).notNull()
                table.column("config", .blob).notNull()
                table.column("ips", .jsonText).notNull()
                table.column("pausePID", .integer)
                table.column("isTornDown", .boolean).notNull()
            }
            try database.create(table: "containers") { table in
                table.primaryKey("id", .text)
                table.column("podID", .text).notNull().indexed().references("pods", onDelete: .restrict)
                table.column("createdAt", .integer).notNull()
                table.column("state", .text).notNull()
                table.column("config", .blob).notNull()
                table.column("imageID", .text).notNull()
                table.column("imageReference", .text).notNull()
                table.column("logPath", .text).notNull()
                table.column("stopSignal", .integer).notNull()
                table.column("stopSignalValue", .integer).notNull()
                table.column("user", .blob).notNull()
                table.column("mounts", .blob).notNull()
                table.column("resources", .blob).notNull()
                table.column("imageVolumes", .jsonText).notNull()
                table.column("pid", .integer)
                table.column("cgroups", .jsonText).notNull()
                table.column("startedAt", .integer).notNull()
                table.column("finishedAt", .integer).notNull()
                table.column("exitCode", .integer).notNull()
                table.column("reason", .text).notNull()
                table.column("message", .text).notNull()
                table.column("isReleased", .boolean).notNull()
            }
        }
    }
}
