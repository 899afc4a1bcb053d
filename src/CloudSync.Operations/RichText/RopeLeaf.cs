// A leaf of a Rope: some hundred bytes of text, and, only where there is formatting or an embed, the runs of it.

using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace CloudSync.Operations;

/// <summary>
/// Text in UTF-8. An embed stands in it as one zero byte, told from text by its run, so that bytes and code units differ
/// only where there is text beyond ASCII.
/// </summary>
internal sealed class RopeLeaf : RopeNode
{
    /// <summary>Bytes of text in one leaf: small enough to be copied for one keystroke after a fork.</summary>
    public const int Capacity = 512;

    /// <summary>Runs in one leaf.</summary>
    public const int RunCapacity = 64;

    /// <summary>What one edit within a leaf may add to its runs.</summary>
    public const int RunsPerEdit = 2;

    public static readonly RopeLeaf Empty = new(owner: -1);

    private Text _text;
    private RopeRun[]? _runs;
    private int _runCount;

    public RopeLeaf(long owner) => Owner = owner;

    public int Bytes { get; private set; }

    /// <summary>UTF-16 code units.</summary>
    public int Length { get; private set; }

    /// <summary>Bytes of attributes and embeds, added up over the runs, whether or not some share an array.</summary>
    public long JsonBytes { get; private set; }

    public ReadOnlySpan<byte> Content => ((ReadOnlySpan<byte>)_text)[..Bytes];

    public bool IsPlain => _runs == null;

    /// <summary>Empty if the leaf is plain.</summary>
    public ReadOnlySpan<RopeRun> Runs => _runs.AsSpan(0, _runCount);

    public RopeLeaf CopyFor(long owner)
    {
        var copy = (RopeLeaf)MemberwiseClone();
        copy.Owner = owner;
        if (_runs != null)
            copy._runs = (RopeRun[])_runs.Clone();
        return copy;
    }

    /// <summary>Where a code unit begins in the bytes; -1 within a surrogate pair.</summary>
    public int ByteOffset(int offset) => Bytes == Length ? offset : Utf8Text.Offset(Content, Length, offset);

    public bool HasRoomFor(int bytes) => bytes <= Capacity - Bytes && HasRoomForRuns;

    public bool HasRoomForRuns => _runCount + RunsPerEdit <= RunCapacity;

    /// <summary>Inserts text, or with <paramref name="embed"/> one embed, for which there has to be room.</summary>
    public void Insert(int offset, ReadOnlySpan<byte> text, int length, byte[]? attributes, byte[]? embed)
    {
        var at = ByteOffset(offset);
        Span<byte> bytes = _text;
        bytes[at..Bytes].CopyTo(bytes[(at + text.Length)..]);
        text.CopyTo(bytes[at..]);
        if (_runs != null || attributes != null || embed != null)
            InsertRun(offset, at, new(text.Length, length, attributes, embed));
        Bytes += text.Length;
        Length += length;
    }

    public void Delete(int offset, int length)
    {
        var from = ByteOffset(offset);
        var to = ByteOffset(offset + length);
        if (_runs != null)
            DeleteRuns(offset, length, from, to);
        Span<byte> bytes = _text;
        bytes[to..Bytes].CopyTo(bytes[from..]);
        Bytes -= to - from;
        Length -= length;
    }

    /// <summary>Changes the attributes of a stretch.</summary>
    public void Format(int offset, int length, ref RopeFormat format)
    {
        MakeRuns();
        var first = SplitRun(offset);
        var last = SplitRun(offset + length);
        for (var i = first; i < last; i++)
            FormatRun(i, ref format);
        MergeRuns(first - 1, last);
    }

    /// <summary>Changes the embed at an offset.</summary>
    /// <exception cref="OperationException">There is none, or one of another type.</exception>
    public void ChangeEmbed(int offset, ReadOnlySpan<byte> change, ref RopeFormat format)
    {
        var run = _runs == null ? -1 : RunAt(ref offset);
        if (run < 0 || _runs![run].Embed is not { } embed)
            throw Embeds.NotAnEmbed();
        var changed = Embeds.Compose(embed, change, isChange: false);
        JsonBytes += changed.Length - embed.Length;
        _runs[run].Embed = changed.ToArray();
        FormatRun(run, ref format);
    }

    /// <summary>Moves everything from about the middle on to a new leaf; neither is empty.</summary>
    public RopeLeaf SplitInTwo()
    {
        Debug.Assert(Length > 1);
        if (_runs != null && !HasRoomForRuns)
        {
            var half = 0;
            for (var i = 0; i < _runCount / 2; i++)
                half += _runs[i].Length;
            return SplitAt(half);
        }

        // At the first character from the middle on.
        var at = Bytes / 2;
        while (at < Bytes - 1 && (_text[at] & 0xC0) == 0x80)
            at++;
        while (at > 1 && (_text[at] & 0xC0) == 0x80)
            at--;
        return SplitAt(Bytes == Length ? at : System.Text.Encoding.UTF8.GetCharCount(Content[..at]));
    }

    /// <summary>Moves everything from an offset on to a new leaf.</summary>
    public RopeLeaf SplitAt(int offset)
    {
        var right = new RopeLeaf(Owner);
        var at = ByteOffset(offset);
        Content[at..].CopyTo(right._text);
        right.Bytes = Bytes - at;
        right.Length = Length - offset;
        if (_runs != null)
        {
            var run = SplitRun(offset);
            right._runs = Runs[run..].ToArray();
            right._runCount = _runCount - run;
            foreach (ref readonly var moved in right.Runs)
                right.JsonBytes += moved.JsonBytes;
            JsonBytes -= right.JsonBytes;
            _runs.AsSpan(run).Clear();
            _runCount = run;
            DropPlainRuns();
            right.DropPlainRuns();
        }

        Bytes = at;
        Length = offset;
        return right;
    }

    /// <summary>Whether the two fit in one leaf with room to spare, so that the next edits don't part them again.</summary>
    public bool CanAppend(RopeLeaf right) =>
        Bytes + right.Bytes <= Capacity * 3 / 4 && _runCount + right._runCount + 2 <= RunCapacity * 3 / 4;

    /// <summary>Appends the content of the leaf to the right of this.</summary>
    public void Append(RopeLeaf right)
    {
        if (_runs != null || right._runs != null)
        {
            MakeRuns();
            var seam = _runCount;
            if (right._runs == null)
            {
                InsertAt(seam, new(right.Bytes, right.Length, null, null));
            }
            else
            {
                ReserveRuns(right._runCount);
                right.Runs.CopyTo(_runs.AsSpan(seam));
                _runCount += right._runCount;
                JsonBytes += right.JsonBytes;
            }

            MergeRuns(seam - 1, seam);
        }

        right.Content.CopyTo(((Span<byte>)_text)[Bytes..]);
        Bytes += right.Bytes;
        Length += right.Length;
    }

    /// <summary>The run that covers the code unit at an offset, which then counts from the run's beginning.</summary>
    public int RunAt(ref int offset)
    {
        for (var i = 0; i < _runCount; i++)
        {
            if (offset < _runs![i].Length)
                return i;
            offset -= _runs[i].Length;
        }

        return _runCount;
    }

    private void MakeRuns()
    {
        if (_runs != null)
            return;
        _runs = new RopeRun[4];
        if (Bytes > 0)
            _runs[_runCount++] = new(Bytes, Length, null, null);
    }

    private void FormatRun(int index, ref RopeFormat format)
    {
        ref var run = ref _runs![index];
        JsonBytes -= run.JsonBytes;
        run.Attributes = format.Of(run.Attributes);
        JsonBytes += run.JsonBytes;
    }

    private void ReserveRuns(int more)
    {
        if (_runCount + more > _runs!.Length)
            Array.Resize(ref _runs, Math.Max(_runCount + more, 2 * _runs.Length));
    }

    private void InsertRun(int offset, int at, RopeRun run)
    {
        MakeRuns();
        var index = RunAt(ref offset);
        if (offset > 0 && _runs![index].CanMerge(run.Attributes, run.Embed))
        {
            Grow(index, run);
            return;
        }

        if (offset > 0)
        {
            // Within a run of another kind: it is parted.
            var around = _runs![index];
            var start = 0;
            for (var i = 0; i < index; i++)
                start += _runs[i].Bytes;
            var head = at - start;
            InsertAt(index + 1, around with { Bytes = around.Bytes - head, Length = around.Length - offset });
            _runs[index].Bytes = head;
            _runs[index].Length = offset;
            InsertAt(index + 1, run);
            return;
        }

        if (index > 0 && _runs![index - 1].CanMerge(run.Attributes, run.Embed))
            Grow(index - 1, run);
        else if (index < _runCount && _runs![index].CanMerge(run.Attributes, run.Embed))
            Grow(index, run);
        else
            InsertAt(index, run);
    }

    private void Grow(int index, RopeRun by)
    {
        _runs![index].Bytes += by.Bytes;
        _runs[index].Length += by.Length;
    }

    private void InsertAt(int index, RopeRun run)
    {
        ReserveRuns(1);
        _runs.AsSpan(index, _runCount - index).CopyTo(_runs.AsSpan(index + 1));
        _runs![index] = run;
        _runCount++;
        JsonBytes += run.JsonBytes;
    }

    private void DeleteRuns(int offset, int length, int from, int to)
    {
        // Both ends are byte offsets in the text as it still is; runs are shortened by what lies between.
        var start = 0;
        var startBytes = 0;
        var kept = 0;
        var seam = -1;
        for (var i = 0; i < _runCount; i++)
        {
            var run = _runs![i];
            var cut = Math.Min(start + run.Length, offset + length) - Math.Max(start, offset);
            var cutBytes = Math.Min(startBytes + run.Bytes, to) - Math.Max(startBytes, from);
            start += run.Length;
            startBytes += run.Bytes;
            if (cut > 0)
            {
                run.Length -= cut;
                run.Bytes -= cutBytes;
                seam = kept;
            }

            if (run.Length > 0)
                _runs[kept++] = run;
            else
                JsonBytes -= run.JsonBytes;
        }

        _runs.AsSpan(kept, _runCount - kept).Clear();
        _runCount = kept;
        MergeRuns(seam - 1, seam + 1);
    }

    /// <summary>Makes a run begin at an offset, and returns its index.</summary>
    private int SplitRun(int offset)
    {
        var inRun = offset;
        var index = RunAt(ref inRun);
        if (inRun == 0)
            return index;
        var start = 0;
        for (var i = 0; i < index; i++)
            start += _runs![i].Bytes;
        var head = ByteOffset(offset) - start;
        var run = _runs![index];
        InsertAt(index + 1, run with { Bytes = run.Bytes - head, Length = run.Length - inRun });
        _runs[index].Bytes = head;
        _runs[index].Length = inRun;
        return index + 1;
    }

    /// <summary>Merges equal neighbours among the runs from <paramref name="first"/> to <paramref name="last"/>.</summary>
    private void MergeRuns(int first, int last)
    {
        first = Math.Max(first, 0);
        last = Math.Min(last, _runCount - 1);
        if (first < last)
        {
            var kept = first;
            for (var i = first + 1; i <= last; i++)
            {
                var run = _runs![i];
                if (_runs[kept].CanMerge(run.Attributes, run.Embed))
                {
                    Grow(kept, run);
                    JsonBytes -= run.JsonBytes;
                }
                else
                {
                    _runs[++kept] = run;
                }
            }

            var merged = last - kept;
            if (merged > 0)
            {
                _runs.AsSpan(last + 1, _runCount - last - 1).CopyTo(_runs.AsSpan(kept + 1));
                _runs.AsSpan(_runCount - merged, merged).Clear();
                _runCount -= merged;
            }
        }

        DropPlainRuns();
    }

    private void DropPlainRuns()
    {
        if (_runCount == 0 || (_runCount == 1 && _runs![0].IsPlain))
        {
            _runs = null;
            _runCount = 0;
        }
    }

    [InlineArray(Capacity)]
    private struct Text
    {
        private byte _first;
    }
}
