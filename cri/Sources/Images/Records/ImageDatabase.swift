import Diagnosis
import Foundation
import GRDB

/// The database, with errors as the rest of this module has them.
struct ImageDatabase: Sendable {
    let pool: DatabasePool

    func read<Value: Sendable>(
        _ doing: String, _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(ImageError) -> Value {
        do {
            return try await pool.read(body)
        } catch {
            throw Self.failure(doing, error)
        }
    }

    /// `body` in a transaction: all of it happens or nothing.
    func write<Value: Sendable>(
        _ doing: String, _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(ImageError) -> Value {
        do {
            return try await pool.write(body)
        } catch {
            throw Self.failure(doing, error)
        }
    }

    private static func failure(_ doing: String, _ error: any Error) -> ImageError {
        switch error {
        case let error as ImageError: error
        case let error as SystemError: ImageError(error)
        case is CancellationError:
            ImageError(.cancelled, doing: doing, "nobody waits for it any more")
        case let error as DatabaseError where error.resultCode == .SQLITE_FULL:
            ImageError(
                .exhausted, doing: doing, "the database has no room: \(error)", remedy: "free disk space")
        case let error as DatabaseError where error.resultCode == .SQLITE_INTERRUPT:
            ImageError(.cancelled, doing: doing, "nobody waits for it any more")
        default: ImageError(.internal, doing: doing, "\(error)")
        }
    }
}

/// `state.db`.
public enum StateDatabase {
    /// Opens it, or makes it: write-ahead log, synchronous NORMAL (after a power cut the last commits may be missing,
    /// but what is there is whole), foreign keys enforced, 5 s of patience with a lock.
    ///
    /// - Parameter migrator: with the migrations of everybody who has tables in it.
    public static func open(_ path: String, migrator: DatabaseMigrator) throws(ImageError) -> DatabasePool {
        var configuration = Configuration()
        configuration.label = "state.db"
        configuration.busyMode = .timeout(5)
        configuration.maximumReaderCount = 4
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA synchronous = NORMAL")
        }
        do {
            let pool = try DatabasePool(path: path, configuration: configuration)
            try migrator.migrate(pool)
            return pool
        } catch {
            throw ImageError(
                .internal, doing: "open \(path)", "\(error)",
                remedy: "if it was written by a newer apus-cri, go back to that one")
        }
    }
}
