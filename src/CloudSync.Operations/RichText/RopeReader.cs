// Reads a stretch of a rope from left to right.

namespace CloudSync.Operations;

/// <summary>Stands on one piece after the other: equally formatted text of one leaf, or one embed.</summary>
internal ref struct RopeReader
{
    private readonly RopeNode _root;
    private readonly int _height;
    private int _position;
    private int _left;
    private RopeLeaf? _leaf;
    private int _offset;
    private int _byteOffset;
    private int _run;
    private int _inRun;

    public RopeReader(RopeNode root, int height, int position, int length)
    {
        _root = root;
        _height = height;
        _position = position;
        _left = length;
    }

    /// <summary>The piece's text, in which half of no surrogate pair may stand; the zero byte of an embed.</summary>
    public ReadOnlySpan<byte> Text { get; private set; }

    /// <summary>UTF-16 code units.</summary>
    public int Length { get; private set; }

    public byte[]? Attributes { get; private set; }

    /// <summary>The JSON of an embed; null for text.</summary>
    public byte[]? Embed { get; private set; }

    public bool MoveNext()
    {
        if (_left == 0)
            return false;
        if (_leaf == null || _offset == _leaf.Length)
            Seek();

        var length = Math.Min(_left, _leaf!.Length - _offset);
        if (_leaf.IsPlain)
        {
            Attributes = null;
            Embed = null;
        }
        else
        {
            var run = _leaf.Runs[_run];
            Attributes = run.Attributes;
            Embed = run.Embed;
            length = Math.Min(length, run.Length - _inRun);
            _inRun += length;
            if (_inRun == run.Length)
            {
                _run++;
                _inRun = 0;
            }
        }

        var end = _leaf.ByteOffset(_offset + length);
        if (end < 0)
            throw Utf8Text.SplitsSurrogatePair();
        Text = _leaf.Content[_byteOffset..end];
        Length = length;
        _byteOffset = end;
        _offset += length;
        _position += length;
        _left -= length;
        return true;
    }

    private void Seek()
    {
        var offset = _position;
        var node = _root;
        for (var level = 0; level < _height; level++)
        {
            var inner = (RopeInner)node;
            node = inner.Children[inner.Find(ref offset, after: true)];
        }

        _leaf = (RopeLeaf)node;
        _offset = offset;
        _byteOffset = _leaf.ByteOffset(offset);
        if (_byteOffset < 0)
            throw Utf8Text.SplitsSurrogatePair();
        if (!_leaf.IsPlain)
        {
            _inRun = offset;
            _run = _leaf.RunAt(ref _inRun);
        }
    }
}
