// What SQLite's result codes mean to an operator, in one line each.

using CloudSync.Log;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace CloudSync.Sqlite;

internal static class LogFailure
{
    /// <summary>What to throw when a file that was usable once could not be read or written.</summary>
    public static Exception InUse(string path, SqliteException exception) => exception.SqliteErrorCode switch
    {
        raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB or raw.SQLITE_CONSTRAINT => Corrupt(path, exception),
        raw.SQLITE_FULL => Unavailable(path, "the disk is full", exception),
        raw.SQLITE_BUSY or raw.SQLITE_LOCKED => Unavailable(path, "another process keeps it locked", exception),
        raw.SQLITE_READONLY => Unavailable(path, "it has become read-only", exception),
        raw.SQLITE_CANTOPEN or raw.SQLITE_PERM => Unavailable(path, "it can't be opened any more", exception),
        raw.SQLITE_IOERR => Unavailable(path, "the disk reports an error", exception),
        _ => Unavailable(path, "SQLite reports an error", exception),
    };

    /// <summary>What to throw when a file could not be opened.</summary>
    public static Exception AtOpen(string path, SqliteException exception) => exception.SqliteErrorCode switch
    {
        raw.SQLITE_NOTADB => NotOurs(path, exception),
        raw.SQLITE_READONLY => ReadOnly(path, exception),
        raw.SQLITE_CANTOPEN or raw.SQLITE_PERM or raw.SQLITE_AUTH => new LogUnusableException(
            $"'{path}' can't be opened for writing ({Detail(exception)}). "
            + "Make the file and its directory writable for this user, or choose another path.",
            exception),
        _ => InUse(path, exception),
    };

    public static LogUnusableException Corrupt(string path, Exception? exception, string? detail = null, string? documentId = null) => new(
        $"The database '{path}' is corrupt ({detail ?? Detail(exception)}). "
        + "Stop the server, keep a copy of the file, and restore a backup.",
        exception)
    {
        DocumentId = documentId,
    };

    public static LogUnusableException NotOurs(string path, Exception? exception = null) => new(
        $"'{path}' is not a CloudSync database. Choose another path, or move the file away.", exception);

    public static LogUnusableException ReadOnly(string path, Exception? exception = null) => new(
        $"The database '{path}' is read-only. "
        + "Make the file and its directory writable for this user, or choose another path.",
        exception);

    public static LogUnusableException Gone(string path) => new(
        $"The database '{path}' was removed while in use; nothing more is written. Stop the server and restore it.");

    private static LogUnavailableException Unavailable(string path, string reason, SqliteException exception) =>
        new($"The database '{path}' can't be used just now: {reason} ({Detail(exception)}).", exception);

    private static string Detail(Exception? exception) => exception is SqliteException sqlite
        ? $"SQLite {sqlite.SqliteExtendedErrorCode}, {raw.sqlite3_errstr(sqlite.SqliteErrorCode).utf8_to_string()}"
        : exception?.Message ?? "";
}
