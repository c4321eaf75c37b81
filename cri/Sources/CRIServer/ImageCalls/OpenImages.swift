import GRDB
import Images
import Logging

extension DaemonSettings {
    /// The database with the tables of all parts, and the images, set right after a kill.
    ///
    /// Whoever calls it has the daemon's lock.
    func openImages(log: Logger) async throws -> (database: DatabasePool, images: ImageStore) {
        var migrator = DatabaseMigrator()
        ImagesSchema.register(in: &migrator)
        InventorySchema.register(in: &migrator)
        let database = try StateDatabase.open(Layout(root: root, run: run).database, migrator: migrator)
        let images = try ImageStore(
            root: root, database: database, pulling: pulling, limits: limits, unpacks: unpacks,
            collectAfter: collectAfter, pinned: pinned, log: log)
        try await images.recover()
        return (database, images)
    }

    /// The images alone, without pods: for commands that are run while no daemon is.
    package func openImages(log: Logger) async throws -> ImageStore {
        try await openImages(log: log).images
    }
}
