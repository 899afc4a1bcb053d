// Going over the members of a JSON object where it lies, and finding them by name.

using System.Text.Json;

namespace CloudSync.Operations;

/// <summary>Goes over the members of a JSON object in its bytes.</summary>
internal ref struct MemberReader
{
    private readonly ReadOnlySpan<byte> _json;
    private Utf8JsonReader _reader;
    private int _nameStart;
    private int _nameEnd;
    private bool _nameEscaped;
    private int _valueEnd;

    public MemberReader(ReadOnlySpan<byte> json)
    {
        _json = json;
        _reader = new Utf8JsonReader(json, JsonRules.ReaderOptions);
        if (json.IsEmpty)
            return;
        try
        {
            if (!_reader.Read() || _reader.TokenType != JsonTokenType.StartObject)
                throw ComponentReader.Malformed("a JSON object is expected");
        }
        catch (JsonException)
        {
            throw Broken();
        }
    }

    /// <summary>The name with its quotes, as it stands there.</summary>
    public readonly ReadOnlySpan<byte> QuotedName => _json[_nameStart.._nameEnd];

    /// <summary>Where the value begins in the JSON.</summary>
    public int ValueStart { get; private set; }

    /// <summary>The value as it stands there.</summary>
    public readonly ReadOnlySpan<byte> Value => _json[ValueStart.._valueEnd];

    public readonly bool IsNull => _json[ValueStart] == 'n';

    public bool MoveNext()
    {
        if (_json.IsEmpty)
            return false;
        try
        {
            if (!_reader.Read() || _reader.TokenType != JsonTokenType.PropertyName)
                return false;
            _nameStart = (int)_reader.TokenStartIndex;
            _nameEnd = _nameStart + _reader.ValueSpan.Length + 2;
            _nameEscaped = _reader.ValueIsEscaped;
            _reader.Read();
            ValueStart = (int)_reader.TokenStartIndex;
            _reader.Skip();
            _valueEnd = (int)_reader.BytesConsumed;
            return true;
        }
        catch (JsonException)
        {
            throw Broken();
        }
    }

    /// <summary>The name without its quotes, escapes resolved.</summary>
    public readonly string Name() => NameText(QuotedName);

    /// <summary>Whether both names are the same once escapes are resolved.</summary>
    public readonly bool NameEquals(in MemberReader other) => _nameEscaped || other._nameEscaped
        ? Name() == other.Name()
        : QuotedName.SequenceEqual(other.QuotedName);

    public readonly bool NameIs(ReadOnlySpan<byte> name) => _nameEscaped
        ? Name() == System.Text.Encoding.UTF8.GetString(name)
        : QuotedName[1..^1].SequenceEqual(name);

    /// <summary>The value that begins at an offset.</summary>
    public static ReadOnlySpan<byte> ValueAt(ReadOnlySpan<byte> json, int start)
    {
        var reader = new Utf8JsonReader(json[start..], isFinalBlock: false, new JsonReaderState(JsonRules.ReaderOptions));
        try
        {
            reader.Read();
            reader.TrySkip();
        }
        catch (JsonException)
        {
            throw Broken();
        }

        return json.Slice(start, (int)reader.BytesConsumed);
    }

    private static string NameText(ReadOnlySpan<byte> quoted)
    {
        try
        {
            var reader = new Utf8JsonReader(quoted);
            reader.Read();
            return reader.GetString()!;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Broken();
        }
    }

    private static OperationException Broken() => ComponentReader.Malformed("the JSON of attributes or an embed is broken");
}

/// <summary>
/// Finds members of a JSON object by name: by looking through a short one, through a table in a long one, so that two
/// long ones never cost their product.
/// </summary>
internal ref struct MemberIndex(ReadOnlySpan<byte> json)
{
    private const int ShortBytes = 128;

    private readonly ReadOnlySpan<byte> _json = json;
    private Dictionary<string, int>? _starts;

    public bool Contains(in MemberReader member) => StartOf(member) >= 0;

    /// <summary>Where the value of the first member of that name begins; -1 if there is none.</summary>
    public int StartOf(in MemberReader member)
    {
        if (_json.Length > ShortBytes)
            return (_starts ??= Read()).TryGetValue(member.Name(), out var start) ? start : -1;

        var members = new MemberReader(_json);
        while (members.MoveNext())
        {
            if (members.NameEquals(member))
                return members.ValueStart;
        }

        return -1;
    }

    private readonly Dictionary<string, int> Read()
    {
        var starts = new Dictionary<string, int>();
        var members = new MemberReader(_json);
        while (members.MoveNext())
            starts.TryAdd(members.Name(), members.ValueStart);
        return starts;
    }
}
