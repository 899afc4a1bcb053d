// A recorded session as the engine gets it: each edit one operation, in the bytes in which it crosses the wire.

using System.Runtime.InteropServices;
using CloudSync.Bench.Replay;
using CloudSync.Operations;

namespace CloudSync.Bench.Engine;

/// <summary>Operations one behind the other, and where each ends.</summary>
internal sealed class RecordedEdits
{
    private readonly byte[] _bytes;
    private readonly int[] _ends;

    private RecordedEdits(byte[] snapshot, byte[] bytes, int[] ends, string endContent)
    {
        StartSnapshot = snapshot;
        _bytes = bytes;
        _ends = ends;
        EndContent = endContent;
    }

    /// <summary>What was there before the first edit.</summary>
    public byte[] StartSnapshot { get; }

    /// <summary>What is to be there after the last.</summary>
    public string EndContent { get; }

    public int Count => _ends.Length;

    /// <summary>What all operations take together.</summary>
    public int Bytes => _bytes.Length;

    public ReadOnlySpan<byte> this[int index] => _bytes.AsSpan((index == 0 ? 0 : _ends[index - 1]).._ends[index]);

    /// <param name="trace">A sequential session.</param>
    /// <param name="offset">How many code units stand before the recorded document.</param>
    public static RecordedEdits From(Trace trace, int offset = 0)
    {
        if (trace.Concurrent)
            throw new InvalidDataException("This session was typed by several at once: the engine is measured on the flat form of it.");
        var bytes = new MemoryStream();
        var ends = new List<int>(trace.Patches);
        foreach (var patch in trace.Transactions.SelectMany(transaction => transaction.Patches))
        {
            bytes.Write((patch with { Position = patch.Position + offset }).ToDelta().Bytes.Span);
            ends.Add((int)bytes.Length);
        }

        return new(
            Delta.FromPlainText(trace.StartContent).Bytes.ToArray(), bytes.ToArray(), [.. ends], trace.EndContent);
    }

    /// <summary>Writes it to a file, for another process that is not to parse the recording.</summary>
    public void Save(FileInfo file)
    {
        using var writer = new BinaryWriter(file.Create());
        writer.Write(EndContent);
        writer.Write(StartSnapshot.Length);
        writer.Write(StartSnapshot);
        writer.Write(_bytes.Length);
        writer.Write(_bytes);
        writer.Write(_ends.Length);
        writer.Write(MemoryMarshal.AsBytes(_ends.AsSpan()));
    }

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    public static RecordedEdits Load(FileInfo file)
    {
        using var reader = new BinaryReader(file.OpenRead());
        var endContent = reader.ReadString();
        var snapshot = reader.ReadBytes(reader.ReadInt32());
        var bytes = reader.ReadBytes(reader.ReadInt32());
        var ends = new int[reader.ReadInt32()];
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(ends.AsSpan()));
        return new(snapshot, bytes, ends, endContent);
    }

    /// <summary>Made by somebody at a keyboard who never was: mostly a character after the other, sometimes one taken back.</summary>
    /// <param name="count">How many edits.</param>
    /// <param name="length">Code units that are there before.</param>
    /// <param name="jumps">In how many edits of a hundred the caret is set to another place first.</param>
    /// <param name="deletes">How many edits of a hundred delete.</param>
    /// <param name="seed">For the generator.</param>
    public static RecordedEdits Make(int count, int length, int jumps, int deletes, int seed)
    {
        var random = new Random(seed);
        var bytes = new MemoryStream();
        var ends = new int[count];
        var caret = random.Next(length + 1);
        for (var i = 0; i < count; i++)
        {
            if (random.Next(100) < jumps)
                caret = random.Next(length + 1);
            var patch = random.Next(100) < deletes && caret > 0
                ? new Patch(--caret, 1, "")
                : new Patch(caret++, 0, ((char)('a' + random.Next(26))).ToString());
            length += patch.Inserted.Length - patch.Deleted;
            bytes.Write(patch.ToDelta().Bytes.Span);
            ends[i] = (int)bytes.Length;
        }

        return new([], bytes.ToArray(), ends, "");
    }
}
