// The port to a device's own storage: where a client keeps edits that the server has not acknowledged, so that they
// survive the end of the program. What is kept, and when, is in KeptDocument.cs; FileClientOutbox.cs is the production
// implementation.

namespace CloudSync.Client;

/// <summary>
/// Named values on this device, each replaced as a whole. Belongs to one living client at a time: a client takes it when
/// it is created, and gives it back when it is disposed.
/// </summary>
public abstract class ClientOutbox
{
    private int _taken;

    /// <summary>What was saved under a name last; null if there is nothing. What is being saved may be missing yet.</summary>
    /// <exception cref="OutboxUnreadableException">There is something, and it can't be read.</exception>
    public abstract ReadOnlyMemory<byte>? Load(string name);

    /// <summary>
    /// Replaces what is under a name, as a whole or not at all. Completes when that would survive a loss of power. Later
    /// calls take effect after earlier ones. A name has letters, digits and a few signs, and upper case differs from lower.
    /// </summary>
    public abstract ValueTask SaveAsync(string name, ReadOnlyMemory<byte> value);

    /// <summary>Removes what is under a name, if there is anything. Ordered like a save.</summary>
    public abstract ValueTask RemoveAsync(string name);

    internal void Take()
    {
        if (Interlocked.Exchange(ref _taken, 1) != 0)
            throw new OutboxInUseException("Another client uses this outbox: dispose of that first.");
    }

    internal void GiveBack() => Volatile.Write(ref _taken, 0);
}

/// <summary>What an outbox holds can't be read. Nothing of it was changed or dropped.</summary>
public sealed class OutboxUnreadableException(string name, string message, Exception? inner = null)
    : Exception($"'{name}' in the outbox can't be read: {message}", inner)
{
    /// <summary>Under which name it is kept.</summary>
    public string Name { get; } = name;
}

/// <summary>Another client, in this process or another, uses the outbox.</summary>
public sealed class OutboxInUseException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>An edit would make a document's unacknowledged edits larger than the outbox takes. Nothing has changed.</summary>
public sealed class OutboxFullException(long limit)
    : Exception($"The edits that are not acknowledged have at most {limit} bytes (CloudSyncClientOptions.OutboxBytes).")
{
    /// <summary>The limit, in bytes.</summary>
    public long Limit { get; } = limit;
}

/// <summary>Something could not be saved in the outbox; it is tried again.</summary>
/// <param name="DocumentId">Of which document.</param>
/// <param name="Exception">Why.</param>
public sealed record OutboxFailure(string DocumentId, Exception Exception);
