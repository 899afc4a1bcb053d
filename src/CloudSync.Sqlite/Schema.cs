// The tables, and how a file comes to have them. docs/log.md describes them.

namespace CloudSync.Sqlite;

internal static class Schema
{
    /// <summary>Marks a file as ours: "ClSy" in ASCII.</summary>
    public const long ApplicationId = 0x436C5379;

    /// <summary>The version that brought the audit chain.</summary>
    public const int AuditChain = 3;

    /// <summary>
    /// Migrations in order: the first makes version 1 out of an empty file, and so on. One that was released is never
    /// changed; a further one is added.
    /// </summary>
    public static IReadOnlyList<string> Migrations { get; } =
    [
        // Ids are stored once; operations and snapshots refer to a document by its number. AUTOINCREMENT isn't needed:
        // rows are never removed, so no number comes back.
        //
        // Operations are small and are read in order of version: WITHOUT ROWID puts them into the primary key's tree.
        // There is no index by time: times never go back within a document, so a moment is found by bisection over the
        // primary key, and an append writes one page less for each document.
        """
        CREATE TABLE documents (
          number     INTEGER PRIMARY KEY,
          id         TEXT    NOT NULL UNIQUE,
          type       TEXT    NOT NULL,
          title      TEXT    NOT NULL,
          head       INTEGER NOT NULL DEFAULT 0 CHECK (head >= 0),
          created_at INTEGER NOT NULL,
          created_by TEXT    NOT NULL,
          changed_at INTEGER NOT NULL,
          deleted_at INTEGER
        ) STRICT;

        CREATE INDEX documents_by_change ON documents (changed_at, id) WHERE deleted_at IS NULL;

        CREATE TABLE operations (
          document     INTEGER NOT NULL REFERENCES documents (number),
          version      INTEGER NOT NULL,
          client_id    INTEGER NOT NULL,
          client_seq   INTEGER NOT NULL,
          base_version INTEGER NOT NULL,
          author       TEXT    NOT NULL,
          committed_at INTEGER NOT NULL,
          operation    BLOB    NOT NULL,
          PRIMARY KEY (document, version)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE snapshots (
          document INTEGER NOT NULL REFERENCES documents (number),
          version  INTEGER NOT NULL,
          state    BLOB    NOT NULL,
          PRIMARY KEY (document, version)
        ) STRICT;
        """,
        // Segments of packed operations: last_version in the key, since the segment of a version is the first that ends at
        // or after it. content is what the operations come to by HistorySegment.Measure. A table with a rowid: the data is
        // large, and looking among the keys mustn't walk over it.
        """
        CREATE TABLE segments (
          document      INTEGER NOT NULL REFERENCES documents (number),
          last_version  INTEGER NOT NULL,
          first_version INTEGER NOT NULL CHECK (first_version BETWEEN 1 AND last_version),
          first_at      INTEGER NOT NULL,
          content       INTEGER NOT NULL,
          data          BLOB    NOT NULL,
          PRIMARY KEY (document, last_version)
        ) STRICT;

        CREATE INDEX segments_by_time ON segments (document, first_at, last_version);
        """,
        // The audit chain (AuditChain): of the head, of each row, and of the last operation of each segment. Of what was
        // there before, AuditBackfill computes it in the same transaction. The outbox has a row for each batch of one
        // document; it empties, so its numbers may come back, never while an older row of the same document is there.
        """
        ALTER TABLE documents ADD COLUMN chain BLOB;
        ALTER TABLE operations ADD COLUMN chain BLOB;
        ALTER TABLE segments ADD COLUMN chain BLOB;

        CREATE TABLE outbox (
          number        INTEGER PRIMARY KEY,
          document      INTEGER NOT NULL REFERENCES documents (number),
          first_version INTEGER NOT NULL,
          count         INTEGER NOT NULL CHECK (count > 0),
          committed_at  INTEGER NOT NULL
        ) STRICT;

        CREATE INDEX documents_deleted ON documents (id) WHERE deleted_at IS NOT NULL;
        """,
        // IOperationLog.Key.
        """
        CREATE TABLE log_key (key BLOB NOT NULL CHECK (length(key) = 32)) STRICT;
        INSERT INTO log_key VALUES (randomblob(32));
        """,
    ];
}
