// Segments: whatever goes in comes out, byte for byte; what is damaged is named, and takes neither time nor memory.

using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using CloudSync.Log;
using CloudSync.Operations;
using CsCheck;
using Xunit;

namespace CloudSync.Tests.Segments;

public sealed class SegmentTests
{
    private static readonly DateTimeOffset _start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private static readonly Gen<byte[]> _wellFormed =
        from retain in Gen.Int[0, 100_000]
        from deleted in Gen.OneOf(0, 1, 1, 7, 300)
        from text in Gen.OneOf("", "a", "the ", "é", "😀", "zwölf\n")
        select Delta.Build().Retain(retain).Delete(deleted).Insert(text).ToDelta().Bytes.ToArray();

    private static readonly Gen<byte[]> _formatted =
        from json in Gen.OneOf(
            """[{"retain":3},{"insert":"x","attributes":{"bold":true}},{"retain":9,"attributes":{"link":null}}]""",
            """[{"insert":{"image":"a.png"},"attributes":{"alt":"ä"}},{"insert":"\n","attributes":{"list":"bullet"}}]""",
            """[{"retain":70000},{"retain":{"formula":"x"}},{"delete":4},{"retain":1,"attributes":{}}]""")
        select Delta.ParseJson(json).Bytes.ToArray();

    // Lengths written longer than need be, cut off, wrong kinds, attributes where none may be: nothing is assumed.
    private static readonly Gen<byte[]> _broken = Gen.OneOf(
        Gen.Byte.Array[0, 40],
        Gen.Select(_wellFormed, Gen.Byte, static (operation, more) => (byte[])[.. operation, more]),
        _formatted.SelectMany(static operation => Gen.Int[0, operation.Length].Select(length => operation[..length])),
        Gen.OneOf<byte[]>(
            [0x90, 0x00], [0x80], [0x00], [0x0D, 0x00], [0x0C, 0x00], [0x0C, 0x02, (byte)'{', (byte)'}'], [0x03, 0x80, 0x00],
            [0x13, 0x00], [0xF8, 0xFF, 0xFF, 0xFF, 0x7F], [0xF8, 0xFF, 0xFF, 0xFF, 0x3F, 0x0A, 0xFF], [0x02]));

    private static readonly Gen<byte[]> _json = Gen.Int[0, 500].Select(
        static i => Encoding.UTF8.GetBytes($$$"""[{"p":["list",{{{i}}}],"li":{"name":"entry"}}]"""));

    private static readonly Gen<LoggedOperation[]> _run = Gen.Select(
        Gen.OneOf(1, 1_000),
        Operations(),
        static (unit, operations) => operations.Select(operation => operation with
        {
            CommittedAt = operation.CommittedAt.AddTicks(-(operation.CommittedAt.Ticks % (10 * unit))),
        }).ToArray());

    private static Gen<LoggedOperation[]> Operations() =>
        from first in Gen.OneOf(Gen.Const(1L), Gen.Long[1, long.MaxValue >> 1])
        from operations in Gen.Select(
            Gen.OneOf(Gen.OneOf(0UL, 1UL, ulong.MaxValue), Gen.ULong),
            Gen.OneOf(Gen.OneOf(1UL, 2UL, 3UL), Gen.ULong),
            Gen.OneOf(Gen.Long[0, 10], Gen.Long),
            Gen.OneOf("", "ada", "grace", "Ἀριστοτέλης"),
            Gen.OneOf(Gen.Const(1_000L), Gen.Long[0, 1_000_000], Gen.Long[0, 1L << 50], Gen.Long[-90_000_000, 0]),
            Gen.Frequency((4, _wellFormed), (2, _formatted), (2, _broken), (1, _json))).Array[1, 60]
        select Number(first, operations);

    [Fact]
    public void Operations_come_back_from_a_segment_exactly() =>
        _run.Sample(
            static operations =>
            {
                foreach (var effort in Enum.GetValues<SegmentEffort>())
                    AssertSame(operations, ReadAll(HistorySegment.Encode(operations, effort)));
            },
            iter: 300);

    [Fact]
    public void A_segment_that_is_read_in_parts_gives_the_whole() =>
        Gen.Select(_run, Gen.Int[1, 9], Gen.Int[0, 60], Gen.Int[0, 100]).Sample(
            static (operations, count, skip, bytes) =>
            {
                var reader = new SegmentReader(HistorySegment.Encode(operations, SegmentEffort.Quick));
                reader.SkipTo(operations[0].Version + skip);
                var rest = operations.Skip(skip).ToArray();
                var read = new List<LoggedOperation>();
                while (read.Count < rest.Length)
                {
                    Assert.Equal(rest[read.Count].Version, reader.NextVersion);
                    var part = new List<LoggedOperation>();
                    long left = bytes;
                    var ended = reader.Read(part, count, ref left);
                    Assert.InRange(part.Count, 1, count);
                    Assert.True(left >= 0 || part.Count == 1);
                    read.AddRange(part);
                    Assert.True(!ended || read.Count == rest.Length);
                }

                AssertSame(rest, read);
                Assert.Equal(reader.LastVersion + 1, reader.NextVersion);
            },
            iter: 300);

    [Fact]
    public void The_version_at_a_moment_is_found_in_the_times_alone()
    {
        int[] gaps = [0, 0, 5, 300, 70_000, 0, 1 << 25, 1];
        var at = _start;
        var operations = gaps.Select((gap, i) => new LoggedOperation(
            10 + i, 1, (ulong)i + 1, 0, "", at = at.AddMicroseconds(gap), new byte[3])).ToArray();
        var segment = HistorySegment.Encode(operations, SegmentEffort.Best);

        foreach (var moment in operations.SelectMany(operation => new[] { operation.CommittedAt, operation.CommittedAt.AddTicks(-1) }))
        {
            Assert.Equal(
                9 + operations.Count(operation => operation.CommittedAt <= moment),
                HistorySegment.FindVersion(segment, moment));
        }
    }

    [Fact]
    public void Any_damage_is_named() =>
        Gen.Select(_run, Gen.Int[0, int.MaxValue], Gen.Byte[1, 255], Gen.Int[0, 3]).Sample(
            static (operations, at, change, kind) =>
            {
                var segment = HistorySegment.Encode(operations, SegmentEffort.Quick);
                at %= segment.Length;
                var damaged = kind switch
                {
                    0 => segment[..at],
                    1 => [.. segment, change],
                    _ => segment.ToArray(),
                };
                if (kind >= 2)
                    damaged[at] ^= change;
                Assert.Throws<InvalidDataException>(() => ReadAll(damaged));
                Assert.Throws<InvalidDataException>(() => HistorySegment.FindVersion(damaged, _start));
            },
            iter: 300);

    [Fact]
    public void Damage_under_a_checksum_that_is_right_is_named_or_gives_operations_and_nothing_worse() =>
        Gen.Select(_run, Gen.Select(Gen.Int[0, int.MaxValue], Gen.Byte).Array[1, 5]).Sample(
            static (operations, changes) =>
            {
                var segment = HistorySegment.Encode(operations, SegmentEffort.Quick);
                foreach (var (at, value) in changes)
                    segment[5 + (at % (segment.Length - 5))] = value;
                Sign(segment);
                var before = GC.GetAllocatedBytesForCurrentThread();
                try
                {
                    ReadAll(segment);
                }
                catch (InvalidDataException)
                {
                }

                Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 << 20);
            },
            iter: 1_500);

    [Fact]
    public void A_segment_that_claims_to_unpack_to_gigabytes_is_refused_before_memory_is_taken()
    {
        var columns = Enumerable.Repeat<byte[]>([0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0x00], 19).SelectMany(static bytes => bytes);
        byte[] segment = [1, 0, 0, 0, 0, 1, 1, 1, .. columns];
        Sign(segment);
        var before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Throws<InvalidDataException>(() => ReadAll(segment));

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void A_segment_of_a_single_operation_takes_no_more_memory_than_it_can_rightly_hold()
    {
        // Eighteen empty columns, and raw bytes that say they are 512 MiB.
        byte[] segment = [1, 0, 0, 0, 0, 1, 1, 1, .. new byte[2 * 18], 0x80, 0x80, 0x80, 0x80, 0x02, 4, 0, 0, 0, 0];
        Sign(segment);
        var before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Throws<InvalidDataException>(() => ReadAll(segment));

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Theory, InlineData(1 << 20), InlineData((4 << 20) + 1), InlineData(20 << 20)]
    public void A_single_operation_of_any_size_comes_back(int length)
    {
        var operation = Typed(1, "a") with { Bytes = new byte[length] };
        AssertSame([operation], ReadAll(HistorySegment.Encode([operation], SegmentEffort.Quick)));
    }

    [Fact]
    public void A_segment_of_a_later_format_says_so()
    {
        var segment = HistorySegment.Encode([Typed(1, "a")], SegmentEffort.Best);
        segment[0] = 2;

        var refusal = Assert.Throws<InvalidDataException>(() => ReadAll(segment));

        Assert.Contains("format 2", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_run_of_operations_is_refused()
    {
        Assert.Throws<ArgumentException>(() => HistorySegment.Encode([], SegmentEffort.Best));
        Assert.Throws<ArgumentException>(() => HistorySegment.Encode([Typed(1, "a"), Typed(3, "b")], SegmentEffort.Best));
        Assert.Throws<ArgumentException>(() => HistorySegment.Encode(
            [Typed(1, "a") with { CommittedAt = _start.AddTicks(1) }], SegmentEffort.Best));
        var large = Enumerable.Range(1, 20).Select(i => Typed(i, "") with { Bytes = new byte[1 << 20] }).ToArray();
        Assert.Throws<ArgumentException>(() => HistorySegment.Encode(large, SegmentEffort.Quick));
    }

    [Fact]
    public void Typing_takes_less_than_two_bytes_for_each_operation()
    {
        var text = string.Join(' ', Enumerable.Range(0, 4_000).Select(static i => $"word{i % 97}"));
        var operations = text.Take(16_384).Select((character, i) => Typed(i + 1, character.ToString()) with
        {
            Bytes = Delta.Build().Retain(i).Insert(character.ToString()).ToDelta().Bytes,
        }).ToArray();

        Assert.InRange(HistorySegment.Encode(operations, SegmentEffort.Quick).Length, 1, 2 * operations.Length);
    }

    private static LoggedOperation Typed(long version, string text) => new(
        version, 7, (ulong)version, version - 1, "ada", _start.AddMilliseconds(version), Encoding.UTF8.GetBytes(text));

    private static LoggedOperation[] Number(
        long first, (ulong ClientId, ulong Sequence, long Base, string Author, long Gap, byte[] Bytes)[] operations)
    {
        var at = _start;
        return
        [
            .. operations.Select((operation, i) => new LoggedOperation(
                first + i, operation.ClientId, operation.Sequence, operation.Base, operation.Author,
                at = at.AddMicroseconds(Math.Min(operation.Gap, (DateTimeOffset.MaxValue - at).Ticks / 10)), operation.Bytes)),
        ];
    }

    private static List<LoggedOperation> ReadAll(byte[] segment)
    {
        var operations = new List<LoggedOperation>();
        var bytesLeft = long.MaxValue;
        Assert.True(new SegmentReader(segment).Read(operations, int.MaxValue, ref bytesLeft));
        return operations;
    }

    private static void AssertSame(LoggedOperation[] expected, List<LoggedOperation> actual)
    {
        Assert.Equal(expected.Length, actual.Count);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i] with { Bytes = default }, actual[i] with { Bytes = default });
            Assert.Equal(expected[i].Bytes.ToArray(), actual[i].Bytes.ToArray());
        }
    }

    /// <summary>Makes the checksum right again: CRC-32C over everything but itself.</summary>
    private static void Sign(byte[] segment)
    {
        var crc = BitOperations.Crc32C(uint.MaxValue, segment[0]);
        foreach (var value in segment.AsSpan(5))
            crc = BitOperations.Crc32C(crc, value);
        BinaryPrimitives.WriteUInt32LittleEndian(segment.AsSpan(1), ~crc);
    }
}
