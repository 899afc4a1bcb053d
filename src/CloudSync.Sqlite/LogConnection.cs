// One connection to the database file, with its settings and its prepared statements. What it reads and writes stands in
// LogConnection.Reads.cs and LogConnection.Writes.cs; how a file is checked and migrated in LogFile.cs.

using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace CloudSync.Sqlite;

/// <summary>A connection, for one thread at a time. Its methods throw <see cref="SqliteException"/>.</summary>
internal sealed partial class LogConnection : IDisposable
{
    private const int WriterCacheKib = 64 << 10;
    private const int ReaderCacheKib = 16 << 10;

    // SQLite copies the write-ahead log into the database after this many pages, and at a checkpoint cuts the log's file
    // down to so many bytes.
    private const int CheckpointPages = 2_000;
    private const int JournalBytes = 64 << 20;

    private readonly SqliteConnection _connection;
    private readonly Dictionary<string, Statement> _statements = [];

    private LogConnection(SqliteConnection connection, string path)
    {
        _connection = connection;
        Path = path;
    }

    public string Path { get; }

    public sqlite3 Handle => _connection.Handle!;

    /// <summary>True outside a transaction.</summary>
    public bool IsIdle => raw.sqlite3_get_autocommit(Handle) != 0;

    /// <summary>Connects without reading or writing anything yet.</summary>
    public static LogConnection Connect(string path, SqliteLogOptions options, bool create)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = create ? SqliteOpenMode.ReadWriteCreate : SqliteOpenMode.ReadWrite,
            Pooling = false,
        }.ToString());
        try
        {
            connection.Open();
            // SQLite itself waits for a lock, with back-off.
            raw.sqlite3_busy_timeout(connection.Handle, (int)options.BusyTimeout.TotalMilliseconds);
            return new LogConnection(connection, path);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public static LogConnection ConnectReader(string path, SqliteLogOptions options)
    {
        var reader = Connect(path, options, create: false);
        try
        {
            reader.Execute($"PRAGMA cache_size = -{ReaderCacheKib}; PRAGMA query_only = ON");
            return reader;
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    public static LogConnection ConnectWriter(string path, SqliteLogOptions options)
    {
        var writer = Connect(path, options, create: false);
        try
        {
            writer.PrepareToWrite(options);
            return writer;
        }
        catch
        {
            writer.Dispose();
            throw;
        }
    }

    /// <summary>The settings of the connection that writes.</summary>
    public void PrepareToWrite(SqliteLogOptions options)
    {
        // Law 2: with FULL, a commit returns only after the write-ahead log was synced.
        Execute(
            "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; "
            + $"PRAGMA cache_size = -{WriterCacheKib}; PRAGMA temp_store = MEMORY; "
            + $"PRAGMA wal_autocheckpoint = {CheckpointPages}; PRAGMA journal_size_limit = {JournalBytes}");
        if (options.PagesMax > 0)
            Execute($"PRAGMA max_page_count = {options.PagesMax}");
    }

    /// <summary>Runs SQL that isn't run often.</summary>
    public void Execute(string sql) =>
        SqliteException.ThrowExceptionForRC(raw.sqlite3_exec(Handle, sql), Handle);

    /// <summary>The first column of the first row, as a number.</summary>
    public long QueryInt64(string sql)
    {
        using var statement = new Statement(Handle, sql);
        using var row = statement.Use();
        return row.Step() ? row.Int64(0) : 0;
    }

    /// <summary>The first column of the first row, as text.</summary>
    public string QueryText(string sql)
    {
        using var statement = new Statement(Handle, sql);
        using var row = statement.Use();
        return row.Step() ? row.Text(0) : "";
    }

    /// <summary>The sum of one of SQLite's counters over this connection's statements.</summary>
    public int CountStatus(int counter) =>
        _statements.Values.Sum(statement => raw.sqlite3_stmt_status(statement.Handle, counter, 0));

    public void Dispose()
    {
        foreach (var statement in _statements.Values)
            statement.Dispose();
        _statements.Clear();
        _connection.Dispose();
    }

    /// <summary>Uses a statement that is prepared once for each connection.</summary>
    private Statement.Execution Use(string sql)
    {
        if (!_statements.TryGetValue(sql, out var statement))
            _statements.Add(sql, statement = new Statement(Handle, sql));
        return statement.Use();
    }

    private void Run(string sql)
    {
        using var execution = Use(sql);
        execution.Run();
    }
}
