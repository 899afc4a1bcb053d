// What can be set about the embedded log.

namespace CloudSync.Sqlite;

/// <summary>Where the embedded log is and how it is used.</summary>
public sealed class SqliteLogOptions
{
    /// <summary>The database file. It and its directory are created when they aren't there.</summary>
    public string Path { get; set; } = "data/cloudsync.db";

    /// <summary>How long to wait for another process that is writing to the same file.</summary>
    public TimeSpan BusyTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Connections that read, and so how many reads run at the same time; 1 to 64.</summary>
    public int Readers { get; set; } = Math.Clamp(Environment.ProcessorCount, 2, 8);

    /// <summary>
    /// Files up to this many bytes are checked from end to end when they are opened (roughly a second for each
    /// gigabyte that is in the system's cache); of a larger one, the header and the schema. 0 for never.
    /// </summary>
    public long CheckBytes { get; set; } = 256L << 20;

    /// <summary>When the write-ahead log has grown over this, the writer waits for readers in order to empty it.</summary>
    internal long WriteAheadBytesMax { get; set; } = 256L << 20;

    /// <summary>Not more pages than this (4 KiB each); 0 for as many as the disk holds. So that tests can fill it.</summary>
    internal long PagesMax { get; set; }
}
