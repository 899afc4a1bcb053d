// A prepared statement that is kept and used again, without the per-call cost of ADO.NET: on the write path, binding
// and stepping are what the processor does between two fsyncs.

using System.Text;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace CloudSync.Sqlite;

/// <summary>A prepared statement. For one thread at a time, and one <see cref="Execution"/> at a time.</summary>
internal sealed class Statement : IDisposable
{
    private readonly sqlite3 _database;
    private readonly sqlite3_stmt _handle;
    private int _bound;

    public Statement(sqlite3 database, string sql)
    {
        _database = database;
        SqliteException.ThrowExceptionForRC(
            raw.sqlite3_prepare_v3(database, sql, raw.SQLITE_PREPARE_PERSISTENT, out _handle), database);
    }

    public sqlite3_stmt Handle => _handle;

    public void Dispose() => _handle.Dispose();

    /// <summary>Begins to use the statement; disposing what is returned makes it ready for the next use.</summary>
    public Execution Use()
    {
        _bound = 0;
        return new Execution(this);
    }

    /// <summary>One use of a statement: bind in the order of the parameters, step, read columns by index.</summary>
    internal readonly ref struct Execution(Statement statement)
    {
        public void Bind(long value) =>
            Check(raw.sqlite3_bind_int64(statement._handle, ++statement._bound, value));

        public void Bind(ReadOnlySpan<byte> value) =>
            Check(raw.sqlite3_bind_blob(statement._handle, ++statement._bound, value));

        public void Bind(string value)
        {
            // Bound with its length, so that a NUL inside does not end it. An empty span would be bound as NULL.
            if (value.Length == 0)
            {
                Check(raw.sqlite3_bind_text(statement._handle, ++statement._bound, ""));
                return;
            }

            var length = Encoding.UTF8.GetMaxByteCount(value.Length);
            var buffer = length <= 1024 ? stackalloc byte[length] : new byte[length];
            Check(raw.sqlite3_bind_text(
                statement._handle, ++statement._bound, buffer[..Encoding.UTF8.GetBytes(value, buffer)]));
        }

        /// <summary>True if there is a row to be read; false at the end.</summary>
        public bool Step()
        {
            var result = raw.sqlite3_step(statement._handle);
            if (result is not (raw.SQLITE_ROW or raw.SQLITE_DONE))
                Check(result);
            return result == raw.SQLITE_ROW;
        }

        /// <summary>Runs a statement that returns no rows; how many rows it changed.</summary>
        public int Run()
        {
            while (Step())
            {
            }

            return raw.sqlite3_changes(statement._database);
        }

        public long Int64(int column) => raw.sqlite3_column_int64(statement._handle, column);

        /// <summary>Bytes of a blob or of a text; valid until the next step.</summary>
        public ReadOnlySpan<byte> Bytes(int column) => raw.sqlite3_column_blob(statement._handle, column);

        public string Text(int column) => Encoding.UTF8.GetString(Bytes(column));

        /// <summary>Ends the use. What went wrong in it has been thrown already.</summary>
        public void Dispose() => raw.sqlite3_reset(statement._handle);

        private void Check(int result) => SqliteException.ThrowExceptionForRC(result, statement._database);
    }
}
