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

    /// <summary>An edit of this client was taken back.</summary>
    Undo,

    /// <summary>An edit that was taken back was done again.</summary>
    Redo,

    /// <summary>A correction: an edit was refused and taken out again, or the content was read anew.</summary>
    Correction,
}

/// <summary>A change of what a document shows.</summary>
public sealed class DocumentChange
{
    private readonly ReadOnlyMemory<byte> _operation;
    private readonly DocumentType _type;
    private Delta? _delta;

    internal DocumentChange(
        ReadOnlyMemory<byte> operation, DocumentType type, ChangeSource source, ulong clientId, ulong sequence, long version,
        Selection? selection)
    {
        _operation = operation;
        _type = type;
        Source = source;
        ClientId = clientId;
        Sequence = sequence;
        Version = version;
        Selection = selection;
    }

    /// <summary>Text: the operation that leads from what was shown before to what is shown now; empty for JSON.</summary>
    public Delta Delta => _delta ??= _type == DocumentType.Json ? Delta.Empty : Delta.FromBytes(_operation);

    /// <summary>JSON: the same, in json0's own JSON; null for text.</summary>
    public string? JsonOperation => OperationBytes.ToJson(_type, _operation);

    /// <summary>Where it came from.</summary>
    public ChangeSource Source { get; }

    /// <summary>The client that made it; 0 for several operations of others in one, and for a correction.</summary>
    public ulong ClientId { get; }

    /// <summary>
    /// With <see cref="ClientId"/> the name of the operation. For a change of this client's, that of the operation
    /// that it will be sent in.
    /// </summary>
    public ulong Sequence { get; }

    /// <summary>The version of the document after it (a local change is on top of that version).</summary>
    public long Version { get; }

    /// <summary>
    /// After an undo or redo: the selection to restore, as <see cref="CollaborativeDocument.SetSelection"/> had set it at
    /// that point, in what is shown now. Null if none was set, and for other changes.
    /// </summary>
    public Selection? Selection { get; }

    /// <summary>The binary form of <see cref="Delta"/>.</summary>
    internal ReadOnlyMemory<byte> Operation => _operation;
}
