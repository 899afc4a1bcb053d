// How a rope keeps its balance: leaves and nodes are parted when they are full and joined when they are nearly empty.

namespace CloudSync.Operations;

internal sealed partial class Rope
{
    // Below this many children a node looks for a neighbour to join.
    private const int FewChildren = RopeInner.Capacity / 4;

    // How far a long text fills its leaves. Were they full, each of the first keystrokes in each would part one: in a
    // document of 100 MB a keystroke anywhere took half as long again. So much is left free that filling up the leaf
    // before a new one (a quarter, see MakeRoom) doesn't pay.
    private const int BytesInOneOfMany = (RopeLeaf.Capacity * 3 / 4) + (RopeLeaf.Capacity / 32);

    // Offsets that stand for a new leaf.
    private const int BeforeLeaf = -1;
    private const int AfterLeaf = -2;

    /// <summary>
    /// Finds or makes room at an offset of the full leaf. True: <paramref name="room"/> of the bytes go to the
    /// <paramref name="offset"/>, or to a new leaf. False: everything has moved, and the place is to be sought again.
    /// </summary>
    private bool MakeRoom(ref int offset, ref int room)
    {
        var leaf = _leaf!;
        var runsAreFull = !leaf.HasRoomForRuns;
        if (runsAreFull || (offset > 0 && offset < leaf.Length))
        {
            // Text that will fill leaves of its own goes between two; a keystroke goes into one half.
            SplitLeaf(room > RopeLeaf.Capacity / 2 && !runsAreFull ? offset : -1);
            return false;
        }

        if (offset == 0)
        {
            offset = BeforeLeaf;
            room = RoomInNewLeaf(room);
            return true;
        }

        // At the end of the leaf: what still fits here, if it is worth it; then the next leaf; then a new one.
        var free = RopeLeaf.Capacity - leaf.Bytes;
        if (room > RopeLeaf.Capacity && free >= RopeLeaf.Capacity / 4)
        {
            room = free;
            return true;
        }

        offset = GoToNextIfRoomFor(room) ? 0 : AfterLeaf;
        room = RoomInNewLeaf(room);
        return true;
    }

    private static int RoomInNewLeaf(int bytes) => bytes > RopeLeaf.Capacity ? BytesInOneOfMany : bytes;

    private bool GoToNextIfRoomFor(int bytes)
    {
        if (_height == 0)
            return false;
        var parent = _path[_height - 1];
        var next = _indexes[_height - 1] + 1;
        if (next >= parent.Count || parent.Children[next] is not RopeLeaf leaf || !leaf.HasRoomFor(bytes))
            return false;
        _leafStart += _leaf!.Length;
        _leaf = leaf;
        _indexes[_height - 1] = next;
        return true;
    }

    // Puts a new leaf beside the current one.
    private void AddLeaf(ReadOnlySpan<byte> text, int length, byte[]? attributes, byte[]? embed, bool before)
    {
        OwnPath(_height);
        var leaf = new RopeLeaf(_token);
        leaf.Insert(0, text, length, attributes, embed);
        Grow(length, text.Length, leaf.JsonBytes, _height - 1);
        InsertChild(_height, before ? 0 : 1, leaf, length);
        _leaf = null;
    }

    // Parts the leaf at an offset, or with -1 about in the middle. The place is to be sought again.
    private void SplitLeaf(int offset)
    {
        Own();
        var before = _leaf!.JsonBytes;
        var right = offset < 0 ? _leaf.SplitInTwo() : _leaf.SplitAt(offset);
        // A run that was parted counts in both.
        JsonBytes += _leaf.JsonBytes + right.JsonBytes - before;
        if (_height > 0)
            _path[_height - 1].Lengths[_indexes[_height - 1]] -= right.Length;
        // Along the rest of the path the sums stay as they were: the new leaf comes back under it.
        InsertChild(_height, 1, right, right.Length);
        _leaf = null;
    }

    // Puts a node beside the one of the path at a level (the height: the leaf). The path is this rope's own, and the sums
    // above the parent already count the new node.
    private void InsertChild(int level, int after, RopeNode node, int length)
    {
        if (level == 0)
        {
            var root = new RopeInner(_token);
            root.Insert(0, _root, Length - length);
            root.Insert(after, node, length);
            _root = root;
            _height++;
            _path = new RopeInner[_height];
            _indexes = new int[_height];
            return;
        }

        var parent = _path[level - 1];
        var index = _indexes[level - 1] + after;
        if (parent.Count < RopeInner.Capacity)
        {
            parent.Insert(index, node, length);
            return;
        }

        // Text that grows at its end fills nodes to the last child.
        var right = parent.SplitAt(index == parent.Count ? index - 1 : parent.Count / 2);
        if (index <= parent.Count)
            parent.Insert(index, node, length);
        else
            right.Insert(index - parent.Count, node, length);
        var moved = right.TotalLength();
        if (level > 1)
            _path[level - 2].Lengths[_indexes[level - 2]] -= moved;
        InsertChild(level - 1, 1, right, moved);
    }

    private void RemoveLeaf()
    {
        OwnPath(_height);
        var bytes = _leaf!.Bytes;
        Grow(-_leaf.Length, -bytes, -_leaf.JsonBytes);
        RemoveChild(_height - 1, _indexes[_height - 1]);
        _leaf = null;
    }

    // Joins the nearly empty leaf with a neighbour under the same parent, if the two fit well in one.
    private void MergeLeaf()
    {
        var parent = _path[_height - 1];
        var index = _indexes[_height - 1];
        var left = index;
        if (index + 1 >= parent.Count || !_leaf!.CanAppend((RopeLeaf)parent.Children[index + 1]))
        {
            left = index - 1;
            if (left < 0 || !((RopeLeaf)parent.Children[left]).CanAppend(_leaf!))
                return;
        }

        var first = (RopeLeaf)parent.Children[left];
        var second = (RopeLeaf)parent.Children[left + 1];
        if (first.Owner != _token)
        {
            first = first.CopyFor(_token);
            parent.Replace(left, first);
        }

        var before = first.JsonBytes + second.JsonBytes;
        first.Append(second);
        JsonBytes += first.JsonBytes - before;
        parent.Lengths[left] += second.Length;
        RemoveChild(_height - 1, left + 1);
        _leaf = null;
    }

    // Takes a child out of the path's node at a level; the sums no longer count it.
    private void RemoveChild(int level, int index)
    {
        var node = _path[level];
        node.RemoveAt(index);
        if (level == 0)
        {
            while (_height > 0 && ((RopeInner)_root).Count <= 1)
            {
                _root = ((RopeInner)_root).Count == 1 ? ((RopeInner)_root).Children[0] : RopeLeaf.Empty;
                _height = _root is RopeLeaf ? 0 : _height - 1;
            }

            return;
        }

        if (node.Count == 0)
            RemoveChild(level - 1, _indexes[level - 1]);
        else if (node.Count < FewChildren)
            MergeInner(level);
    }

    private void MergeInner(int level)
    {
        var parent = _path[level - 1];
        var index = _indexes[level - 1];
        var left = index + 1 < parent.Count ? index : index - 1;
        if (left < 0)
            return;
        var first = (RopeInner)parent.Children[left];
        var second = (RopeInner)parent.Children[left + 1];
        if (first.Count + second.Count > RopeInner.Capacity * 3 / 4)
            return;
        if (first.Owner != _token)
        {
            first = first.CopyFor(_token);
            parent.Replace(left, first);
        }

        first.Append(second);
        parent.Lengths[left] += parent.Lengths[left + 1];
        RemoveChild(level - 1, left + 1);
    }
}
