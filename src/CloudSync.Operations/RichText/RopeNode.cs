// The nodes of a Rope: leaves that hold text, and inner nodes that hold up to 32 children and their lengths.

using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace CloudSync.Operations;

/// <summary>
/// A node. Only the rope whose token it carries may change it; to every other it is immutable, and may be shared.
/// </summary>
internal abstract class RopeNode
{
    /// <summary>The token of the rope that may change it.</summary>
    public long Owner { get; protected set; }
}

/// <summary>A stretch of equally formatted text, or one embed.</summary>
/// <param name="Bytes">Bytes of text; 1 for an embed.</param>
/// <param name="Length">UTF-16 code units.</param>
/// <param name="Attributes">Their JSON; null if there are none.</param>
/// <param name="Embed">The embed's JSON; null for text.</param>
internal record struct RopeRun(int Bytes, int Length, byte[]? Attributes, byte[]? Embed)
{
    public readonly bool IsPlain => Attributes == null && Embed == null;

    /// <summary>Bytes of attributes and of an embed.</summary>
    public readonly long JsonBytes => (long)(Attributes?.Length ?? 0) + (Embed?.Length ?? 0);

    /// <summary>Whether the two can stand as one.</summary>
    public readonly bool CanMerge(byte[]? attributes, byte[]? embed) =>
        Embed == null && embed == null
        && (ReferenceEquals(Attributes, attributes) || AttributeSet.AreEqual(Attributes, attributes));
}

internal sealed class RopeInner : RopeNode
{
    public const int Capacity = 32;

    private Nodes _children;
    private Sums _lengths;

    public RopeInner(long owner) => Owner = owner;

    public int Count { get; private set; }

    public ReadOnlySpan<RopeNode> Children => ((ReadOnlySpan<RopeNode>)_children)[..Count];

    /// <summary>The UTF-16 code units under each child.</summary>
    public Span<int> Lengths => ((Span<int>)_lengths)[..Count];

    public RopeInner CopyFor(long owner)
    {
        var copy = (RopeInner)MemberwiseClone();
        copy.Owner = owner;
        return copy;
    }

    public int TotalLength()
    {
        var total = 0;
        foreach (var length in Lengths)
            total += length;
        return total;
    }

    /// <summary>Which child covers a position, which then counts from that child's beginning.</summary>
    /// <param name="position">From the beginning of this node.</param>
    /// <param name="after">Between two children, whether the second is meant.</param>
    public int Find(ref int position, bool after)
    {
        ReadOnlySpan<int> lengths = _lengths;
        var last = Count - 1;
        var limit = after ? 0 : 1;
        var i = 0;
        while (i < last && position >= lengths[i] + limit)
            position -= lengths[i++];
        return i;
    }

    /// <summary>Counts what was added under a child.</summary>
    public void Grow(int index, int length) => _lengths[index] += length;

    public void Replace(int index, RopeNode child) => _children[index] = child;

    public void Insert(int index, RopeNode child, int length)
    {
        Debug.Assert(Count < Capacity);
        Span<RopeNode> children = _children;
        Span<int> lengths = _lengths;
        children[index..Count].CopyTo(children[(index + 1)..]);
        lengths[index..Count].CopyTo(lengths[(index + 1)..]);
        children[index] = child;
        lengths[index] = length;
        Count++;
    }

    public void RemoveAt(int index)
    {
        Span<RopeNode> children = _children;
        Span<int> lengths = _lengths;
        children[(index + 1)..Count].CopyTo(children[index..]);
        lengths[(index + 1)..Count].CopyTo(lengths[index..]);
        children[--Count] = null!;
    }

    /// <summary>Moves the children from an index on to a new node.</summary>
    public RopeInner SplitAt(int index)
    {
        var right = new RopeInner(Owner);
        Span<RopeNode> children = _children;
        children[index..Count].CopyTo(right._children);
        ((Span<int>)_lengths)[index..Count].CopyTo(right._lengths);
        right.Count = Count - index;
        children[index..Count].Clear();
        Count = index;
        return right;
    }

    /// <summary>Appends the children of the node to the right of this.</summary>
    public void Append(RopeInner right)
    {
        right.Children.CopyTo(((Span<RopeNode>)_children)[Count..]);
        right.Lengths.CopyTo(((Span<int>)_lengths)[Count..]);
        Count += right.Count;
    }

    [InlineArray(Capacity)]
    private struct Nodes
    {
        private RopeNode _first;
    }

    [InlineArray(Capacity)]
    private struct Sums
    {
        private int _first;
    }
}
