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
        "SELECT number, head, changed_at FROM documents WHERE id = ?1 AND deleted_at IS NULL";

    public const string MoveHead = "UPDATE documents SET head = ?1, changed_at = ?2 WHERE number = ?3 AND head = ?4";

    public const string Append = """
        INSERT INTO operations
          (document, version, client_id, client_seq, base_version, author, committed_at, operation)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
        """;

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

    public const string Read = """
        SELECT version, client_id, client_seq, base_version, author, committed_at, operation
        FROM operations
        WHERE document = (SELECT number FROM documents WHERE id = ?1 AND deleted_at IS NULL) AND version > ?2
        ORDER BY version LIMIT ?3
        """;

    public const string Head = "SELECT number, head FROM documents WHERE id = ?1 AND deleted_at IS NULL";

    public const string CommittedAt = "SELECT committed_at FROM operations WHERE document = ?1 AND version = ?2";

    public const string FindSnapshot = """
        SELECT version, state FROM snapshots
        WHERE document = (SELECT number FROM documents WHERE id = ?1 AND deleted_at IS NULL) AND version <= ?2
        ORDER BY version DESC LIMIT 1
        """;

    private const string Record = "id, type, title, head, created_at, created_by, changed_at";
}
