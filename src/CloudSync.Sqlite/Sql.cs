// Every statement the log runs after it was opened. Each finds its rows through an index, which a test asserts.

namespace CloudSync.Sqlite;

internal static class Sql
{
    // IMMEDIATE takes the write lock at once: what is read inside can't be overtaken by another process before it is
    // written, and there is no upgrade that could deadlock.
    public const string Begin = "BEGIN IMMEDIATE";

    // Of many reads in a row, one transaction takes and gives back SQLite's locks once instead of every time. What throws
    // in between closes the connection, and so ends the transaction.
    public const string BeginRead = "BEGIN";

    public const string Commit = "COMMIT";
    public const string Rollback = "ROLLBACK";

    public const string Create = """
        INSERT INTO documents (id, type, title, created_at, created_by, changed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?4)
        ON CONFLICT (id) DO NOTHING
        """;

    public const string Rename = "UPDATE documents SET title = ?1 WHERE id = ?2 AND deleted_at IS NULL";

    public const string Delete = "UPDATE documents SET deleted_at = ?1 WHERE id = ?2 AND deleted_at IS NULL";

    public const string FindToAppend =
        "SELECT number, head, changed_at, chain FROM documents WHERE id = ?1 AND deleted_at IS NULL";

    public const string MoveHead =
        "UPDATE documents SET head = ?1, changed_at = ?2, chain = ?3 WHERE number = ?4 AND head = ?5";

    public const string Append = """
        INSERT INTO operations
          (document, version, client_id, client_seq, base_version, author, committed_at, operation, chain)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
        """;

    public const string AddToOutbox =
        "INSERT INTO outbox (document, first_version, count, committed_at) VALUES (?1, ?2, ?3, ?4)";

    // The oldest first. Read until enough were found whose document nobody has claimed.
    public const string ReadOutbox = """
        SELECT outbox.number, document, documents.id, first_version, count
        FROM outbox JOIN documents ON documents.number = document ORDER BY outbox.number
        """;

    public const string RemoveFromOutbox = "DELETE FROM outbox WHERE number = ?1";

    public const string OutboxEnds = "SELECT (SELECT min(number) FROM outbox), (SELECT max(number) FROM outbox)";

    public const string CountOutbox = "SELECT count(*) FROM outbox WHERE number < ?1";

    public const string OldestInOutbox = "SELECT committed_at FROM outbox ORDER BY number LIMIT 1";

    public const string SaveSnapshot = """
        INSERT INTO snapshots (document, version, state)
        SELECT number, ?1, ?2 FROM documents WHERE id = ?3 AND deleted_at IS NULL AND head >= ?1
        ON CONFLICT (document, version) DO NOTHING
        """;

    public const string Find = $"SELECT {Record} FROM documents WHERE id = ?1 AND deleted_at IS NULL";

    public const string List = $"""
        SELECT {Record} FROM documents WHERE deleted_at IS NULL ORDER BY changed_at DESC, id DESC LIMIT ?1
        """;

    public const string ListAfter = $"""
        SELECT {Record} FROM documents WHERE deleted_at IS NULL AND (changed_at, id) < (?1, ?2)
        ORDER BY changed_at DESC, id DESC LIMIT ?3
        """;

    public const string ListById =
        $"SELECT {Record} FROM documents WHERE deleted_at IS NULL AND id > ?1 ORDER BY id LIMIT ?2";

    public const string ListDeleted = $"""
        SELECT {Record}, deleted_at FROM documents INDEXED BY documents_deleted
        WHERE deleted_at IS NOT NULL AND id > ?1 ORDER BY id LIMIT ?2
        """;

    public const string Read = """
        SELECT version, client_id, client_seq, base_version, author, committed_at, operation
        FROM operations
        WHERE document = (SELECT number FROM documents WHERE id = ?1 AND (deleted_at IS NULL OR ?4)) AND version > ?2
        ORDER BY version LIMIT ?3
        """;

    public const string ReadUnpacked = """
        SELECT version, client_id, client_seq, base_version, author, committed_at, operation
        FROM operations WHERE document = ?1 AND version > ?2 AND version <= ?3 ORDER BY version LIMIT ?4
        """;

    public const string FindSegment = """
        SELECT first_version, last_version, data FROM segments
        WHERE document = ?1 AND last_version >= ?2 ORDER BY last_version LIMIT 1
        """;

    public const string FindSegmentByTime = """
        SELECT first_version, last_version, data FROM segments
        WHERE document = ?1 AND first_at <= ?2 ORDER BY first_at DESC, last_version DESC LIMIT 1
        """;

    public const string NewestSegments = """
        SELECT first_version, last_version, content FROM segments
        WHERE document = ?1 ORDER BY last_version DESC LIMIT ?2
        """;

    public const string AddSegment = """
        INSERT INTO segments (document, last_version, first_version, first_at, content, data, chain)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, (SELECT chain FROM operations WHERE document = ?1 AND version = ?2))
        """;

    public const string RemoveSegment = "DELETE FROM segments WHERE document = ?1 AND last_version = ?2";

    public const string RemoveOperations = "DELETE FROM operations WHERE document = ?1 AND version > ?2 AND version <= ?3";

    // Within ?2 to ?3 the newest stays, and the two newest of all.
    public const string RemoveSnapshots = """
        DELETE FROM snapshots
        WHERE document = ?1 AND version >= ?2
          AND version < (
            SELECT version FROM snapshots WHERE document = ?1 AND version <= ?3 ORDER BY version DESC LIMIT 1)
          AND version < (
            SELECT version FROM snapshots WHERE document = ?1 ORDER BY version DESC LIMIT 1 OFFSET 1)
        """;

    public const string Head = "SELECT number, head FROM documents WHERE id = ?1 AND deleted_at IS NULL";

    public const string HeadEvenIfDeleted = "SELECT number, head FROM documents WHERE id = ?1";

    public const string HeadLink = "SELECT number, head, chain FROM documents WHERE id = ?1 AND deleted_at IS NULL";

    public const string SegmentLinks =
        "SELECT last_version, chain FROM segments WHERE document = ?1 AND last_version > ?2 ORDER BY last_version LIMIT ?3";

    public const string OperationLinks =
        "SELECT version, chain FROM operations WHERE document = ?1 AND version > ?2 ORDER BY version LIMIT ?3";

    public const string CommittedAt = "SELECT committed_at FROM operations WHERE document = ?1 AND version = ?2";

    public const string FindSnapshot = """
        SELECT version, state FROM snapshots
        WHERE document = (SELECT number FROM documents WHERE id = ?1 AND deleted_at IS NULL) AND version <= ?2
        ORDER BY version DESC LIMIT 1
        """;

    private const string Record = "id, type, title, head, created_at, created_by, changed_at";
}
