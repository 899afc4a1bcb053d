// Opens a database file: looks before it writes. A file that isn't ours, is newer than we are, or is damaged stays as it
// is, byte for byte.

using CloudSync.Log;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace CloudSync.Sqlite;

internal static class LogFile
{
    private const int HeaderBytes = 100;
    private const int NoCheckpointOnClose = 1006; // SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE

    /// <summary>Opens, checks and if need be creates or migrates a file; the connection that writes to it.</summary>
    /// <exception cref="LogUnusableException">It can't be used, and trying again won't help.</exception>
    /// <exception cref="LogUnavailableException">The disk is full, or another process keeps it locked.</exception>
    public static LogConnection Open(string path, SqliteLogOptions options)
    {
        PrepareDirectory(path);
        LogConnection? connection = null;
        try
        {
            connection = LogConnection.Connect(path, options, create: true);
            // Closing the last connection would copy the write-ahead log into the file. Not before the file is known
            // to be sound.
            CheckpointOnClose(connection, false);
            Check(connection, options);
            Migrate(connection, options);
            CheckpointOnClose(connection, true);
            return connection;
        }
        catch (SqliteException exception)
        {
            connection?.Dispose();
            throw LogFailure.AtOpen(path, exception);
        }
        catch
        {
            connection?.Dispose();
            throw;
        }
    }

    private static void PrepareDirectory(string path)
    {
        if (Directory.Exists(path))
        {
            throw new LogUnusableException(
                $"'{path}' is a directory; the database is a file. Give the path of a file in it.");
        }

        // SQLite takes a file of one byte for an empty one.
        if (new FileInfo(path) is { Exists: true, Length: > 0 and < HeaderBytes })
            throw LogFailure.NotOurs(path);

        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new LogUnusableException(
                $"The directory of the database '{path}' can't be created: {exception.Message} Choose another path.",
                exception);
        }
    }

    private static void Check(LogConnection connection, SqliteLogOptions options)
    {
        var path = connection.Path;
        // Where opening for writing is refused, SQLite opens for reading.
        if (raw.sqlite3_db_readonly(connection.Handle, "main") != 0)
            throw LogFailure.ReadOnly(path);

        var version = connection.QueryInt64("PRAGMA user_version");
        if (connection.QueryInt64("PRAGMA application_id") != Schema.ApplicationId)
        {
            if (version != 0 || connection.QueryInt64("SELECT count(*) FROM sqlite_schema") != 0)
            {
                throw new LogUnusableException(
                    $"'{path}' is the SQLite database of another program. Choose another path.");
            }

            return;
        }

        if (version > Schema.Migrations.Count)
        {
            throw new LogUnusableException(
                $"The database '{path}' was written by a newer CloudSync (schema {version}; this one knows "
                + $"{Schema.Migrations.Count}). Run that version or a newer one.");
        }

        var bytes = connection.QueryInt64("PRAGMA page_count") * connection.QueryInt64("PRAGMA page_size");
        if (bytes > options.CheckBytes)
            return;
        var finding = connection.QueryText("PRAGMA quick_check(1)");
        if (finding != "ok")
            throw LogFailure.Corrupt(path, null, finding.ReplaceLineEndings(" "));
    }

    private static void Migrate(LogConnection connection, SqliteLogOptions options)
    {
        // In a file with something in it, neither changes anything.
        connection.Execute("PRAGMA page_size = 4096");
        if (connection.QueryText("PRAGMA journal_mode = WAL") != "wal")
        {
            throw new LogUnusableException(
                $"'{connection.Path}' is on a file system where SQLite can't keep a write-ahead log. "
                + "Choose a path on a local disk.");
        }

        connection.PrepareToWrite(options);
        // The lock is taken even if there is nothing to migrate: a file that can't be written is found out now. Another
        // process may have migrated meanwhile, so the version is read again.
        connection.Begin();
        for (var i = (int)connection.QueryInt64("PRAGMA user_version"); i < Schema.Migrations.Count; i++)
        {
            connection.Execute(Schema.Migrations[i]);
            if (i + 1 == Schema.AuditChain)
                connection.BackfillAuditChains();
            connection.Execute($"PRAGMA application_id = {Schema.ApplicationId}; PRAGMA user_version = {i + 1}");
        }

        connection.Commit();
    }

    private static void CheckpointOnClose(LogConnection connection, bool enabled) =>
        raw.sqlite3_db_config(connection.Handle, NoCheckpointOnClose, enabled ? 0 : 1, out _);
}
