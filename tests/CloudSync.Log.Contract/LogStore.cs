// What an implementation of the log gives the suite: a fresh place to keep a log in, which can be opened again and again.

namespace CloudSync.Log.Contract;

/// <summary>A fresh, empty place for one log. Disposing it removes the place.</summary>
public abstract class LogStore : IAsyncDisposable
{
    /// <summary>Whether the logs that are opened from now on keep an outbox (<see cref="OutboxOptions.Enabled"/>).</summary>
    public bool KeepsOutbox { get; set; }

    /// <summary>
    /// Opens the log. What is returned may be disposed (if it is <see cref="IAsyncDisposable"/>) and opened again; several
    /// may be open at the same time, as if by several processes.
    /// </summary>
    public abstract Task<IOperationLog> OpenAsync();

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();
}
