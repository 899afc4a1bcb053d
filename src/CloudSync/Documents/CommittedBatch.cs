// What one commit added to a document: its operations, and the bytes that tell every subscriber of it.

using CloudSync.Log;
using CloudSync.Operations;

namespace CloudSync.Documents;

/// <summary>An operation that was committed, and its measure.</summary>
internal readonly record struct MeasuredOperation(LoggedOperation Logged, OperationMeasure Measure);

/// <summary>Operations that were committed together, encoded once for all who read them.</summary>
/// <param name="baseVersion">The version before the first.</param>
/// <param name="operations">In order, without a gap.</param>
/// <param name="chunk">The Committed message as a chunk of a ServerFrame.</param>
internal sealed class CommittedBatch(long baseVersion, MeasuredOperation[] operations, byte[] chunk)
{
    public long BaseVersion { get; } = baseVersion;

    /// <summary>The version after the last.</summary>
    public long Version => BaseVersion + Operations.Length;

    public MeasuredOperation[] Operations { get; } = operations;

    public byte[] Chunk { get; } = chunk;

    /// <summary>Checks that the operations follow <paramref name="head"/> densely, measures and encodes them.</summary>
    /// <exception cref="InvalidDataException">A version is missing, doubled or out of order.</exception>
    public static CommittedBatch Create(
        string documentId, DocumentType type, long head, IReadOnlyList<LoggedOperation> operations)
    {
        var committed = new MeasuredOperation[operations.Count];
        for (var i = 0; i < committed.Length; i++)
        {
            var operation = operations[i];
            if (operation.Version != head + 1 + i)
            {
                throw new InvalidDataException(
                    $"Document '{documentId}': the log gave version {operation.Version} where {head + 1 + i} had to be.");
            }

            committed[i] = new(operation, type.Measure(operation.Bytes.Span));
        }

        return new(head, committed, ServerChunks.Committed(documentId, head, committed));
    }
}
