// Lists and objects. Each belongs to the state whose token it carries; Owned gives a state its own.

using System.Text;

namespace CloudSync.Operations;

internal sealed class JsonList : JsonValue
{
    private readonly object? _owner;
    private readonly ChunkedList<JsonValue> _items;

    public JsonList(object? owner) : this(owner, new())
    {
    }

    private JsonList(object? owner, ChunkedList<JsonValue> items)
    {
        _owner = owner;
        _items = items;
    }

    public int Count => _items.Count;

    public override long Bytes
    {
        get
        {
            long bytes = OwnBytes;
            foreach (var item in _items)
                bytes += item.Bytes;
            return bytes;
        }
    }

    public override int Depth
    {
        get
        {
            var depth = 0;
            foreach (var item in _items)
                depth = Math.Max(depth, item.Depth);
            return depth + 1;
        }
    }

    public JsonValue this[int index] => _items[index];

    public ChunkedList<JsonValue>.Enumerator GetEnumerator() => _items.GetEnumerator();

    /// <summary>This, if it is the owner's, or a copy that is.</summary>
    public JsonList Owned(object by) => ReferenceEquals(_owner, by) ? this : new(by, _items.Copy());

    public void Set(int index, JsonValue value) => _items.Set(index, value, _owner);

    public void Add(JsonValue value) => _items.Insert(Count, value, _owner);

    public void Insert(int index, JsonValue value) => _items.Insert(index, value, _owner);

    public void RemoveAt(int index) => _items.RemoveAt(index, _owner);

    public void Move(int from, int to)
    {
        var item = _items[from];
        _items.RemoveAt(from, _owner);
        _items.Insert(to, item, _owner);
    }
}

/// <summary>An object, its members in the order of their names, so that equal content is equal bytes.</summary>
internal sealed class JsonMembers : JsonValue
{
    private static readonly Func<JsonMember, string, int> _byName =
        static (member, name) => string.CompareOrdinal(member.Name, name);

    private readonly object? _owner;
    private readonly ChunkedList<JsonMember> _members;

    public JsonMembers(object? owner) : this(owner, new())
    {
    }

    private JsonMembers(object? owner, ChunkedList<JsonMember> members)
    {
        _owner = owner;
        _members = members;
    }

    public int Count => _members.Count;

    public override long Bytes
    {
        get
        {
            long bytes = OwnBytes;
            foreach (var member in _members)
                bytes += NameBytes(member.Name) + member.Value.Bytes;
            return bytes;
        }
    }

    public override int Depth
    {
        get
        {
            var depth = 0;
            foreach (var member in _members)
                depth = Math.Max(depth, member.Value.Depth);
            return depth + 1;
        }
    }

    /// <summary>What a name counts.</summary>
    public static int NameBytes(string name) => Encoding.UTF8.GetByteCount(name);

    public ChunkedList<JsonMember>.Enumerator GetEnumerator() => _members.GetEnumerator();

    public JsonValue? Find(string name)
    {
        var at = _members.BinarySearch(name, _byName);
        return at >= 0 ? _members[at].Value : null;
    }

    /// <summary>This, if it is the owner's, or a copy that is.</summary>
    public JsonMembers Owned(object by) => ReferenceEquals(_owner, by) ? this : new(by, _members.Copy());

    /// <summary>Adds a member or replaces the one of that name.</summary>
    public void Set(string name, JsonValue value)
    {
        var at = _members.BinarySearch(name, _byName);
        if (at >= 0)
            _members.Set(at, new(_members[at].Name, value), _owner);
        else
            _members.Insert(~at, new(name, value), _owner);
    }

    public void Remove(string name)
    {
        var at = _members.BinarySearch(name, _byName);
        if (at >= 0)
            _members.RemoveAt(at, _owner);
    }
}

internal readonly record struct JsonMember(string Name, JsonValue Value);
