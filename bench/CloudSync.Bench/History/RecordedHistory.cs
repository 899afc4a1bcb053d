// A recorded session as the log has it: operations with authors, clients and times, and the content at each version.

using System.Buffers;
using CloudSync.Bench.Replay;
using CloudSync.Log;
using CloudSync.Operations;

namespace CloudSync.Bench.History;

/// <summary>When the operations of a history were committed.</summary>
internal enum CommitTimes
{
    /// <summary>One a millisecond, as a replay does.</summary>
    Steady,

    /// <summary>As a person types, to the millisecond, as the document layer commits.</summary>
    Human,

    /// <summary>The same, to the microsecond.</summary>
    HumanMicroseconds,
}

internal static class RecordedHistory
{
    // Two clients take turns, as in a replay.
    private const int Turn = 10;

    private static readonly (ulong ClientId, string Author)[] s_writers =
        [(0x9E37_79B9_7F4A_7C15, "user-ada"), (0xC2B2_AE3D_27D4_EB4F, "user-grace")];

    public static NewOperation[] Create(Trace trace, CommitTimes times, int seed)
    {
        if (trace.Concurrent)
            throw new InvalidDataException("The history is measured on sessions that were typed one edit after the other.");
        var random = new Random(seed);
        var moment = new DateTimeOffset(2026, 1, 5, 9, 0, 0, TimeSpan.Zero);
        var sequences = new ulong[s_writers.Length];
        var patches = trace.Transactions.SelectMany(transaction => transaction.Patches);
        if (trace.StartContent.Length > 0)
            patches = patches.Prepend(new Patch(0, 0, trace.StartContent));
        var operations = new NewOperation[patches.Count()];
        var i = 0;
        foreach (var patch in patches)
        {
            var writer = i / Turn % s_writers.Length;
            moment += TimeSpan.FromMicroseconds(Gap(times, random));
            operations[i] = new NewOperation(
                s_writers[writer].ClientId, ++sequences[writer], i, s_writers[writer].Author, moment,
                patch.ToDelta().Bytes);
            i++;
        }

        return operations;
    }

    /// <summary>The same operations as the log returns them.</summary>
    public static LoggedOperation[] AsLogged(NewOperation[] operations) =>
    [
        .. operations.Select((operation, i) => new LoggedOperation(
            i + 1, operation.ClientId, operation.ClientSequence, operation.BaseVersion, operation.Author,
            operation.CommittedAt, operation.Bytes)),
    ];

    public static byte[] Encode(DocumentState state)
    {
        var output = new ArrayBufferWriter<byte>();
        state.EncodeSnapshot(output);
        return output.WrittenSpan.ToArray();
    }

    // The times between keystrokes are spread log-normally, around a sixth of a second.
    private static long Gap(CommitTimes times, Random random)
    {
        if (times == CommitTimes.Steady)
            return 1_000;
        var normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        var microseconds = (long)(170_000 * Math.Exp(0.6 * normal));
        return times == CommitTimes.HumanMicroseconds ? microseconds : microseconds / 1_000 * 1_000;
    }
}
