// Text, with formatting and embeds where there are any, as a copy-on-write B-tree: edits cost O(log n), a copy O(1).
//
// Every rope has a token. It changes a node in place if the node carries the token, and else copies it first, with the
// path that leads to it. Forking takes the token away, so that from then on both copies share all nodes and neither
// changes one.

using System.Text;

namespace CloudSync.Operations;

internal sealed partial class Rope
{
    private static long _lastToken;

    private RopeNode _root = RopeLeaf.Empty;
    private long _token;

    // Inner nodes above every leaf.
    private int _height;

    // The leaf edited last, where it begins, and how one gets there: typing goes on where it was.
    private RopeLeaf? _leaf;
    private int _leafStart;
    private RopeInner[] _path = [];
    private int[] _indexes = [];

    // The largest attributes that were ever given to a run.
    private int _attributeBytes;

    /// <summary>The topmost node; for tests.</summary>
    public RopeNode Root => _root;

    /// <summary>UTF-16 code units, an embed counting as one.</summary>
    public int Length { get; private set; }

    /// <summary>Bytes of text, an embed counting as one.</summary>
    public long Bytes { get; private set; }

    /// <summary>Bytes of attributes and embeds, added up over all runs.</summary>
    public long JsonBytes { get; private set; }

    /// <summary>As many bytes of attributes as any run has, or more.</summary>
    public int AttributeBytes => _attributeBytes;

    /// <summary>Whether there never was any formatting or embed.</summary>
    public bool IsPlain { get; private set; } = true;

    /// <summary>A copy that shares everything until one of the two changes.</summary>
    public Rope Fork()
    {
        _token = 0;
        return new Rope
        {
            _root = _root, _height = _height, _attributeBytes = _attributeBytes,
            Length = Length, Bytes = Bytes, JsonBytes = JsonBytes, IsPlain = IsPlain,
        };
    }

    /// <summary>Becomes what another rope is, which must not be used any more.</summary>
    public void Become(Rope other)
    {
        (_root, _height, _attributeBytes) = (other._root, other._height, other._attributeBytes);
        (Length, Bytes, JsonBytes, IsPlain) = (other.Length, other.Bytes, other.JsonBytes, other.IsPlain);
        _token = 0;
        _leaf = null;
    }

    /// <exception cref="OperationException">Everything together has more bytes.</exception>
    public void CheckBytes(long maxBytes)
    {
        if (Bytes + JsonBytes > maxBytes)
        {
            throw new OperationException(
                OperationError.TooLarge, "The operation would make the document larger than it may be.");
        }
    }

    /// <summary>Whether composing attributes of so many bytes may make any that are too large.</summary>
    public bool MayOverfill(int attributeBytes) => attributeBytes + _attributeBytes > AttributeSet.MaxBytes;

    /// <summary>Whether a position lies within a surrogate pair.</summary>
    public bool IsWithinPair(int position)
    {
        if (Bytes == Length || position <= 0 || position >= Length)
            return false;
        var offset = Seek(position, after: false);
        return _leaf!.ByteOffset(offset) < 0;
    }

    /// <summary>Inserts text, or with <paramref name="embed"/> one embed (whose text is one zero byte).</summary>
    public void Insert(int position, ReadOnlySpan<byte> text, int length, byte[]? attributes, byte[]? embed)
    {
        if (attributes != null || embed != null)
        {
            IsPlain = false;
            _attributeBytes = Math.Max(_attributeBytes, attributes?.Length ?? 0);
        }

        while (!text.IsEmpty)
        {
            var offset = Seek(position, after: false);
            var room = text.Length;
            if (!_leaf!.HasRoomFor(room) && !MakeRoom(ref offset, ref room))
                continue;

            var head = text;
            var headLength = length;
            if (room < text.Length)
            {
                while ((text[room] & 0xC0) == 0x80)
                    room--;
                head = text[..room];
                headLength = length == text.Length ? room : Encoding.UTF8.GetCharCount(head);
            }

            if (offset < 0)
            {
                AddLeaf(head, headLength, attributes, embed, before: offset == BeforeLeaf);
            }
            else
            {
                Own();
                var before = _leaf!.JsonBytes;
                _leaf.Insert(offset, head, headLength, attributes, embed);
                Grow(headLength, head.Length, _leaf.JsonBytes - before);
            }

            position += headLength;
            text = text[head.Length..];
            length -= headLength;
        }
    }

    public void Delete(int position, int length)
    {
        while (length > 0)
        {
            var offset = Seek(position, after: true);
            var count = Math.Min(length, _leaf!.Length - offset);
            if (count == _leaf.Length && _height > 0)
            {
                RemoveLeaf();
            }
            else
            {
                Own();
                var (bytes, jsonBytes) = (_leaf.Bytes, _leaf.JsonBytes);
                _leaf.Delete(offset, count);
                Grow(-count, _leaf.Bytes - bytes, _leaf.JsonBytes - jsonBytes);
                if (_leaf.Bytes < RopeLeaf.Capacity / 4 && _height > 0)
                    MergeLeaf();
            }

            length -= count;
        }
    }

    /// <exception cref="OperationException">
    /// Attributes grow too large, or all together larger than <paramref name="maxBytes"/>, which shows leaf by leaf. The
    /// rope is then to be thrown away.
    /// </exception>
    public void Format(int position, int length, ReadOnlySpan<byte> change, long maxBytes)
    {
        IsPlain = false;
        var format = new RopeFormat(change);
        while (length > 0)
        {
            var offset = SeekForRuns(position);
            var count = Math.Min(length, _leaf!.Length - offset);
            var before = _leaf.JsonBytes;
            _leaf.Format(offset, count, ref format);
            JsonBytes += _leaf.JsonBytes - before;
            CheckBytes(maxBytes);
            position += count;
            length -= count;
        }

        _attributeBytes = Math.Max(_attributeBytes, format.LargestBytes);
    }

    /// <exception cref="OperationException">
    /// There is no embed of that type, or attributes grow too large. The rope is then to be thrown away.
    /// </exception>
    public void ChangeEmbed(int position, ReadOnlySpan<byte> change, ReadOnlySpan<byte> attributes)
    {
        var format = new RopeFormat(attributes);
        var offset = SeekForRuns(position);
        var before = _leaf!.JsonBytes;
        _leaf.ChangeEmbed(offset, change, ref format);
        JsonBytes += _leaf.JsonBytes - before;
        _attributeBytes = Math.Max(_attributeBytes, format.LargestBytes);
    }

    /// <summary>Reads a stretch, piece by piece. It doesn't change the rope, so many may read while nobody writes.</summary>
    public RopeReader Read(int position, int length) => new(_root, _height, position, length);

    // Makes the leaf that holds a position the one that is edited; returns the offset in it. Between two leaves it is
    // the one that is edited already, or the first, or (after) the second.
    private int Seek(int position, bool after)
    {
        if (_leaf != null)
        {
            var cached = position - _leafStart;
            if (cached >= 0 && (after ? cached < _leaf.Length : cached <= _leaf.Length))
                return cached;
        }

        if (_path.Length < _height)
        {
            _path = new RopeInner[_height];
            _indexes = new int[_height];
        }

        var offset = position;
        var node = _root;
        for (var level = 0; level < _height; level++)
        {
            var inner = (RopeInner)node;
            var index = inner.Find(ref offset, after);
            _path[level] = inner;
            _indexes[level] = index;
            node = inner.Children[index];
        }

        _leaf = (RopeLeaf)node;
        _leafStart = position - offset;
        return offset;
    }

    private int SeekForRuns(int position)
    {
        var offset = Seek(position, after: true);
        if (!_leaf!.HasRoomForRuns)
        {
            SplitLeaf(-1);
            offset = Seek(position, after: true);
        }

        Own();
        return offset;
    }

    // Makes sure that the leaf and the path to it are this rope's own.
    private void Own()
    {
        if (_token == 0)
            _token = Interlocked.Increment(ref _lastToken);
        if (_leaf!.Owner == _token)
            return;
        OwnPath(_height);
        _leaf = _leaf.CopyFor(_token);
        Put(_height, _leaf);
    }

    private void OwnPath(int levels)
    {
        if (_token == 0)
            _token = Interlocked.Increment(ref _lastToken);
        for (var level = 0; level < levels; level++)
        {
            if (_path[level].Owner == _token)
                continue;
            _path[level] = _path[level].CopyFor(_token);
            Put(level, _path[level]);
        }
    }

    private void Put(int level, RopeNode node)
    {
        if (level == 0)
            _root = node;
        else
            _path[level - 1].Replace(_indexes[level - 1], node);
    }

    // Counts what was added or removed in the current leaf.
    private void Grow(int length, int bytes, long jsonBytes) => Grow(length, bytes, jsonBytes, _height);

    private void Grow(int length, int bytes, long jsonBytes, int levels)
    {
        for (var level = 0; level < levels; level++)
            _path[level].Grow(_indexes[level], length);
        Length += length;
        Bytes += bytes;
        JsonBytes += jsonBytes;
    }
}
