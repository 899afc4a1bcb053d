// Writing JSON: UTF-8 without white space, only what has to be escaped, numbers in the shortest form that reads back the
// same.

using System.Buffers;
using System.Globalization;
using System.Text;

namespace CloudSync.Operations;

/// <summary>
/// Writes to memory that is its own, so that nobody sees a result that is refused in the middle; or, if it is given where
/// to, passes on what it has from time to time.
/// </summary>
internal ref struct JsonWriter(Span<byte> initial, IBufferWriter<byte>? passesTo = null)
{
    private const int PassesOnAt = 32 * 1024;

    private static readonly SearchValues<char> _escaped = SearchValues.Create(
        "\"\\\0\u0001\u0002\u0003\u0004\u0005\u0006\u0007\u0008\u0009\u000A\u000B\u000C\u000D\u000E\u000F"
        + "\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001A\u001B\u001C\u001D\u001E\u001F");

    private ByteBuffer _bytes = new(initial);
    private bool _follows;

    public void Begin(char bracket)
    {
        Separate();
        _bytes.WriteByte((byte)bracket);
        _follows = false;
    }

    public void End(char bracket)
    {
        _bytes.WriteByte((byte)bracket);
        _follows = true;
    }

    /// <summary>A name that needs no escapes.</summary>
    public void Name(scoped ReadOnlySpan<byte> name)
    {
        Separate();
        _bytes.WriteByte((byte)'"');
        _bytes.Write(name);
        _bytes.Write("\":"u8);
        _follows = false;
    }

    public void Name(string name)
    {
        Write(name);
        _bytes.WriteByte((byte)':');
        _follows = false;
    }

    public void Write(long number)
    {
        Separate();
        const int most = 20;
        number.TryFormat(_bytes.Take(most), out var written, default, CultureInfo.InvariantCulture);
        _bytes.Length -= most - written;
    }

    public void Write(double number)
    {
        const double exact = 1e15;
        if (number is > -exact and < exact && number == Math.Truncate(number))
        {
            Write((long)number);
            return;
        }

        Separate();
        const int most = 32;
        number.TryFormat(_bytes.Take(most), out var written, default, CultureInfo.InvariantCulture);
        _bytes.Length -= most - written;
    }

    public void Write(params ReadOnlySpan<string> text)
    {
        Separate();
        _bytes.WriteByte((byte)'"');
        foreach (var part in text)
        {
            var rest = part.AsSpan();
            while (rest.IndexOfAny(_escaped) is >= 0 and var at)
            {
                WriteUtf8(rest[..at]);
                Escape(rest[at]);
                rest = rest[(at + 1)..];
            }

            WriteUtf8(rest);
        }

        _bytes.WriteByte((byte)'"');
    }

    /// <summary>JSON as it is.</summary>
    public void WriteRaw(scoped ReadOnlySpan<byte> json)
    {
        Separate();
        _bytes.Write(json);
    }

    public void Write(JsonValue value)
    {
        switch (value)
        {
            case JsonText text:
                Write(text.Parts);
                break;
            case JsonNumber number:
                Write(number.Value);
                break;
            case JsonList list:
                Begin('[');
                foreach (var item in list)
                    Write(item);
                End(']');
                break;
            case JsonMembers members:
                Begin('{');
                foreach (var (name, inner) in members)
                {
                    Name(name);
                    Write(inner);
                }

                End('}');
                break;
            default:
                WriteRaw(value == JsonValue.Null ? "null"u8 : value == JsonValue.True ? "true"u8 : "false"u8);
                break;
        }

        if (passesTo != null && _bytes.Length >= PassesOnAt)
            PassTo(passesTo);
    }

    /// <summary>Gives away what has been written.</summary>
    public void PassTo(IBufferWriter<byte> output)
    {
        output.Write(_bytes.Written);
        _bytes.Length = 0;
    }

    public readonly ReadOnlySpan<byte> Written => _bytes.Written;

    public void Dispose() => _bytes.Dispose();

    private void Separate()
    {
        if (_follows)
            _bytes.WriteByte((byte)',');
        _follows = true;
    }

    private void WriteUtf8(scoped ReadOnlySpan<char> text)
    {
        if (text.IsEmpty)
            return;
        var most = Encoding.UTF8.GetMaxByteCount(text.Length);
        var room = _bytes.Take(most);
        _bytes.Length -= most - Encoding.UTF8.GetBytes(text, room);
    }

    private void Escape(char c)
    {
        const string digits = "0123456789abcdef";
        _bytes.WriteByte((byte)'\\');
        switch (c)
        {
            case '"' or '\\': _bytes.WriteByte((byte)c); break;
            case '\n': _bytes.WriteByte((byte)'n'); break;
            case '\r': _bytes.WriteByte((byte)'r'); break;
            case '\t': _bytes.WriteByte((byte)'t'); break;
            default:
                _bytes.Write("u00"u8);
                _bytes.WriteByte((byte)digits[c >> 4]);
                _bytes.WriteByte((byte)digits[c & 15]);
                break;
        }
    }
}
