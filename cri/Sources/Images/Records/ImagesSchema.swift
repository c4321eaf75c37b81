import GRDB

/// The tables of images, layers and snapshots in `state.db`.
public enum ImagesSchema {
    /// Registers the migrations. Those of other modules may stand in the same migrator: all names here begin with
    /// `images-`.
    public static func register(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("images-1") { db in
            try db.execute(sql: first)
        }
        // What limits on a whole image are about.
        migrator.registerMigration("images-2") { db in
            for column in ["entries", "archive_bytes", "blob_bytes"] {
                try db.execute(sql: "ALTER TABLE layers ADD COLUMN \(column) INTEGER NOT NULL DEFAULT 0")
            }
            try db.execute(sql: "UPDATE layers SET entries = inodes")
        }
        migrator.registerMigration("images-3") { db in
            try db.execute(sql: third)
        }
    }

    // Annotations are a JSON object.
    private static let third = """
        ALTER TABLE images ADD COLUMN annotations TEXT NOT NULL DEFAULT '{}';
        CREATE TABLE image_handlers (
            image_id TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE,
            handler TEXT NOT NULL,
            PRIMARY KEY (image_id, handler)
        ) WITHOUT ROWID;
        """

    // A layer's id is never given again (AUTOINCREMENT): a directory that a killed daemon has left is nobody else's.
    private static let first = """
        CREATE TABLE images (
            id TEXT NOT NULL PRIMARY KEY,
            config BLOB NOT NULL,
            manifest_digest TEXT NOT NULL,
            size INTEGER NOT NULL,
            created INTEGER NOT NULL,
            pinned INTEGER NOT NULL DEFAULT 0
        ) WITHOUT ROWID;
        CREATE TABLE image_references (
            name TEXT NOT NULL PRIMARY KEY,
            image_id TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE
        ) WITHOUT ROWID;
        CREATE INDEX image_references_by_image ON image_references(image_id);
        CREATE TABLE layers (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            chain_id TEXT NOT NULL,
            diff_id TEXT NOT NULL,
            parent_id INTEGER REFERENCES layers(id) ON DELETE SET NULL,
            size INTEGER NOT NULL,
            inodes INTEGER NOT NULL,
            is_opaque INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('written', 'durable', 'removing')),
            boot TEXT NOT NULL
        );
        CREATE UNIQUE INDEX layers_by_chain ON layers(chain_id) WHERE state <> 'removing';
        CREATE INDEX layers_by_parent ON layers(parent_id);
        CREATE TABLE image_layers (
            image_id TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            layer_id INTEGER NOT NULL REFERENCES layers(id),
            PRIMARY KEY (image_id, position)
        ) WITHOUT ROWID;
        CREATE INDEX image_layers_by_layer ON image_layers(layer_id);
        CREATE TABLE snapshots (
            id TEXT NOT NULL PRIMARY KEY,
            image_id TEXT NOT NULL,
            is_writable INTEGER NOT NULL,
            is_mapped INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE snapshot_layers (
            snapshot_id TEXT NOT NULL REFERENCES snapshots(id) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            layer_id INTEGER NOT NULL REFERENCES layers(id),
            PRIMARY KEY (snapshot_id, position)
        ) WITHOUT ROWID;
        CREATE INDEX snapshot_layers_by_layer ON snapshot_layers(layer_id);
        """
}
