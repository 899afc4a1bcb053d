// A document as the log has it at the end of a run.

using CloudSync.Operations;

namespace CloudSync.Chaos.Checking;

/// <summary>An operation in the log.</summary>
/// <param name="Version">The version it led to.</param>
/// <param name="Client">With <paramref name="Sequence"/> its name.</param>
/// <param name="Sequence">The client's number for it.</param>
/// <param name="Bytes">Its binary form.</param>
internal sealed record LogEntry(long Version, ulong Client, ulong Sequence, ReadOnlyMemory<byte> Bytes)
{
    public OperationName Name => new(Client, Sequence);
}

/// <summary>What an operation is known by.</summary>
internal readonly record struct OperationName(ulong Client, ulong Sequence)
{
    public override string ToString() => FormattableString.Invariant($"operation {Sequence} of client {Client:x}");
}

/// <summary>A document.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Type">Its type.</param>
/// <param name="Entries">In the order in which the log gave them.</param>
internal sealed record LoggedDocument(string Id, DocumentType Type, IReadOnlyList<LogEntry> Entries);
