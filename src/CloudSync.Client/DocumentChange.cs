// What a document tells of a change.

using CloudSync.Operations;

namespace CloudSync.Client;

/// <summary>Where a change came from.</summary>
public enum ChangeSource
{
    /// <summary>An edit through this document.</summary>
    Local,

    /// <summary>An operation that somebody else committed.</summary>
    Remote,

    /// <summary>A correction: an edit was refused and taken out again, or the content was read anew.</summary>
    Correction,
}

/// <summary>A change of what a document shows.</summary>
public sealed class DocumentChange
{
    private readonly ReadOnlyMemory<byte> _operation;
    private Delta? _delta;

    internal DocumentChange(
        ReadOnlyMemory<byte> operation, ChangeSource source, ulong clientId, ulong sequence, long version)
    {
        _operation = operation;
        Source = source;
        ClientId = clientId;
        Sequence = sequence;
        Version = version;
    }

    /// <summary>The operation that leads from what was shown before to what is shown now.</summary>
    public Delta Delta => _delta ??= Delta.FromBytes(_operation);

    /// <summary>Where it came from.</summary>
    public ChangeSource Source { get; }

    /// <summary>The client that made it; 0 for several operations of others in one, and for a correction.</summary>
    public ulong ClientId { get; }

    /// <summary>
    /// With <see cref="ClientId"/> the name of the operation. For a local change, that of the operation that it will
    /// be sent in.
    /// </summary>
    public ulong Sequence { get; }

    /// <summary>The version of the document after it (a local change is on top of that version).</summary>
    public long Version { get; }

    /// <summary>The binary form of <see cref="Delta"/>.</summary>
    internal ReadOnlyMemory<byte> Operation => _operation;
}
