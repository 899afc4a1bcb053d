// What an append sends: each column of its documents and operations as one array.

using CloudSync.Log;
using Npgsql;
using NpgsqlTypes;

namespace CloudSync.PostgreSql;

internal sealed class AppendArguments
{
    private readonly string[] _ids;
    private readonly long[] _expected;
    private readonly int[] _counts;
    private readonly long[] _clientIds;
    private readonly long[] _clientSequences;
    private readonly long[] _baseVersions;
    private readonly long[] _times;
    private readonly string[] _authors;
    private readonly ReadOnlyMemory<byte>[] _operations;
    private readonly byte[] _digests;

    public AppendArguments(IReadOnlyList<DocumentAppend> appends)
    {
        var operations = 0;
        for (var i = 0; i < appends.Count; i++)
            operations += appends[i].Operations.Count;
        (_ids, _expected, _counts) = (new string[appends.Count], new long[appends.Count], new int[appends.Count]);
        (_clientIds, _clientSequences, _baseVersions) = (new long[operations], new long[operations], new long[operations]);
        (_times, _authors) = (new long[operations], new string[operations]);
        _operations = new ReadOnlyMemory<byte>[operations];
        _digests = new byte[operations * AuditChain.HashBytes];
        var at = 0;
        for (var i = 0; i < appends.Count; i++)
        {
            var append = appends[i];
            (_ids[i], _expected[i], _counts[i]) = (append.DocumentId, append.ExpectedHead, append.Operations.Count);
            for (var j = 0; j < append.Operations.Count; j++, at++)
            {
                var operation = append.Operations[j];
                _clientIds[at] = unchecked((long)operation.ClientId);
                _clientSequences[at] = unchecked((long)operation.ClientSequence);
                _baseVersions[at] = operation.BaseVersion;
                _times[at] = PostgreSqlTime.ToMicroseconds(operation.CommittedAt);
                _authors[at] = operation.Author;
                _operations[at] = operation.Bytes;
                // Where the head is another, nothing is written, and nobody looks at the digest.
                AuditChain.Digest(
                    unchecked(append.ExpectedHead + j + 1), operation, _digests.AsSpan(at * AuditChain.HashBytes, AuditChain.HashBytes));
            }
        }
    }

    public void AddTo(NpgsqlParameterCollection parameters, bool keepOutbox)
    {
        parameters.Add(new NpgsqlParameter<string[]> { TypedValue = _ids, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        parameters.Add(new NpgsqlParameter<long[]> { TypedValue = _expected });
        parameters.Add(new NpgsqlParameter<int[]> { TypedValue = _counts });
        parameters.Add(new NpgsqlParameter<long[]> { TypedValue = _clientIds });
        parameters.Add(new NpgsqlParameter<long[]> { TypedValue = _clientSequences });
        parameters.Add(new NpgsqlParameter<long[]> { TypedValue = _baseVersions });
        parameters.Add(new NpgsqlParameter<long[]> { TypedValue = _times });
        parameters.Add(new NpgsqlParameter<string[]> { TypedValue = _authors, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        parameters.Add(new NpgsqlParameter<ReadOnlyMemory<byte>[]>
        {
            TypedValue = _operations,
            NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea,
        });
        parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = _digests });
        parameters.Add(new NpgsqlParameter<bool> { TypedValue = keepOutbox });
    }
}
