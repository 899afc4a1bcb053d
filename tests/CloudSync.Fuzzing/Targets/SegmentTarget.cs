// Packed history: what a damaged file might hold. The checksum is put right, or nothing behind it would ever be tried.

using System.Buffers.Binary;
using System.Numerics;
using CloudSync.Log;
using CloudSync.Verification;
using CloudSync.Verification.RichText;

namespace CloudSync.Fuzzing.Targets;

internal sealed class SegmentTarget : IFuzzTarget
{
    private const int PrefixBytes = 5;

    public string Name => "history-segment";

    public IEnumerable<byte[]> Seeds => Enumerable.Range(0, 40).Select(i => Make(new SeededRandom((ulong)i)));

    public IReadOnlyList<byte[]> Dictionary { get; } = [[0], [1, 0, 0, 0, 0], [0xE8, 0x07], [0xFF, 0xFF, 0x01], [0x80, 0x80, 0x80, 0x04]];

    public byte[] Make(SeededRandom random)
    {
        var make = new RandomDeltas(random);
        var time = DateTimeOffset.UnixEpoch.AddDays(20_000);
        var operations = new List<LoggedOperation>();
        var first = 1 + random.Next(1000);
        for (var i = 0; i <= random.Next(20); i++)
        {
            var bytes = random.Next(5) == 0 ? new byte[] { 0xFF, (byte)i } : make.Operation(make.Document(4)).Bytes;
            time = time.AddMicroseconds(random.Next(3) * 1000 + random.Next(2));
            operations.Add(new(first + i, (ulong)random.Next(3), (ulong)i, first + i - 1 - random.Next(2), "author " + random.Next(2), time, bytes));
        }

        return HistorySegment.Encode(operations, SegmentEffort.Quick);
    }

    // 10 MiB of columns, and what is made of them.
    public long MaxAllocation(int length) => 256L << 20;

    public void Run(byte[] input, FuzzTrace trace)
    {
        if (input.Length >= PrefixBytes)
            BinaryPrimitives.WriteUInt32LittleEndian(input.AsSpan(1), Checksum(input));
        var operations = new List<LoggedOperation>();
        try
        {
            var reader = new SegmentReader(input);
            var bytesLeft = 1_000_000L;
            var atEnd = reader.Read(operations, 10_000, ref bytesLeft);
            HistorySegment.FindVersion(input, DateTimeOffset.UnixEpoch.AddDays(20_000));
            trace.Add("read");
            trace.Add("operations", operations.Count);
            if (!atEnd || operations.Count == 0)
                return;
        }
        catch (InvalidDataException refused)
        {
            trace.Add(refused.Message);
            return;
        }

        var again = new List<LoggedOperation>();
        var left = long.MaxValue;
        new SegmentReader(HistorySegment.Encode(operations, SegmentEffort.Quick)).Read(again, int.MaxValue, ref left);
        Oracles.Holds(again.Count == operations.Count, "packing again loses operations");
        for (var i = 0; i < again.Count; i++)
        {
            Oracles.Holds(
                again[i] with { Bytes = default } == operations[i] with { Bytes = default }
                && again[i].Bytes.Span.SequenceEqual(operations[i].Bytes.Span),
                "packing again changes an operation", again[i], operations[i]);
        }
    }

    // CRC-32C over everything but itself.
    private static uint Checksum(ReadOnlySpan<byte> segment)
    {
        var crc = BitOperations.Crc32C(uint.MaxValue, segment[0]);
        foreach (var value in segment[PrefixBytes..])
            crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }
}
