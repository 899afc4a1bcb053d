// The server's rule, as short as it can be said: transform over what was committed since the base, append. What clients
// are tested against.

using System.Buffers;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using Google.Protobuf;

namespace CloudSync.Client.Tests;

internal sealed class Sequencer(DocumentType type, ReadOnlyMemory<byte> content)
{
    private readonly DocumentState _state = type.DecodeSnapshot(content.Span);

    public Sequencer(DocumentType type, Delta content) : this(type, content.Bytes)
    {
    }

    public DocumentType Type => type;

    public List<CommittedOperation> Log { get; } = [];

    public long Head => Log.Count;

    public Delta Content => Delta.FromState(_state);

    public byte[] Snapshot
    {
        get
        {
            var snapshot = new ArrayBufferWriter<byte>();
            _state.EncodeSnapshot(snapshot);
            return snapshot.WrittenSpan.ToArray();
        }
    }

    /// <summary>The version it was committed as before, or null if it is committed now.</summary>
    public long? Submit(ulong clientId, ulong sequence, long baseVersion, ReadOnlyMemory<byte> operation)
    {
        for (var version = (int)baseVersion; version < Log.Count; version++)
        {
            if (Log[version].ClientId == clientId && Log[version].ClientSeq == sequence)
                return version + 1;
        }

        for (var version = (int)baseVersion; version < Log.Count; version++)
        {
            var output = new ArrayBufferWriter<byte>();
            type.Transform(operation.Span, Log[version].Operation.Span, Side.Right, output);
            operation = output.WrittenMemory;
        }

        _state.Apply(operation.Span);
        Log.Add(new()
        {
            ClientId = clientId,
            ClientSeq = sequence,
            Operation = ByteString.CopyFrom(operation.Span),
        });
        return null;
    }

    /// <summary>What was committed after a version: one by one, or runs of others' operations composed.</summary>
    public IEnumerable<CommittedOperation> Since(long version, ulong reader, bool composed)
    {
        CommittedOperation? run = null;
        foreach (var operation in Log.Skip((int)version))
        {
            if (!composed || operation.ClientId == reader)
            {
                if (run is not null)
                    yield return run;
                run = null;
                yield return operation;
            }
            else if (run is null)
            {
                run = new() { Operation = operation.Operation, Count = 1 };
            }
            else
            {
                var output = new ArrayBufferWriter<byte>();
                type.Compose(run.Operation.Span, operation.Operation.Span, output);
                run = new() { Operation = ByteString.CopyFrom(output.WrittenSpan), Count = run.Count + 1 };
            }
        }

        if (run is not null)
            yield return run;
    }
}
