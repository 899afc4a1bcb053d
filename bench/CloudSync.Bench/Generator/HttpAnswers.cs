// The answers of HTTP/1.1 on a connection that is kept alive, read where they were received and in whatever parts they come.

using System.Buffers.Text;
using System.Text;

namespace CloudSync.Bench.Generator;

internal enum HttpPart
{
    /// <summary>More bytes are needed.</summary>
    None,

    /// <summary>An answer begins: its status is known.</summary>
    Head,

    /// <summary>Bytes of its body.</summary>
    Body,

    /// <summary>It has come whole; another may begin.</summary>
    End,

    /// <summary>No server may send this.</summary>
    Broken,
}

internal sealed class HttpAnswers
{
    private const int HeadBytesMax = 16 << 10;
    private const int ChunkSizeBytesMax = 16;
    private const int NoContent = 204;

    private long _left;
    private Expected _expected;

    private enum Expected
    {
        Head,
        Content,
        ChunkSize,
        Chunk,
        LastChunkEnd,
    }

    /// <summary>Of the answer that has begun.</summary>
    public int Status { get; private set; }

    /// <summary>When one may come back, if the answer says so.</summary>
    public TimeSpan? RetryAfter { get; private set; }

    /// <summary>Reads the next part. To be called until there is none.</summary>
    /// <param name="bytes">What was received and not taken yet.</param>
    /// <param name="taken">How many of them are done with.</param>
    /// <param name="body">What of them is of the body.</param>
    public HttpPart Read(ReadOnlySpan<byte> bytes, out int taken, out ReadOnlySpan<byte> body)
    {
        taken = 0;
        body = default;
        switch (_expected)
        {
            case Expected.Head:
                return ReadHead(bytes, out taken);
            case Expected.Content when _left == 0:
                return End();
            case Expected.Content:
                return ReadBody(bytes, out taken, out body);
            case Expected.ChunkSize:
                return ReadChunkSize(bytes, out taken, out body);
            case Expected.Chunk when _left > 0:
                return ReadBody(bytes, out taken, out body);
            default:
                return ReadChunkEnd(bytes, out taken, out body);
        }
    }

    private HttpPart End()
    {
        _expected = Expected.Head;
        return HttpPart.End;
    }

    private HttpPart ReadBody(ReadOnlySpan<byte> bytes, out int taken, out ReadOnlySpan<byte> body)
    {
        taken = (int)Math.Min(_left, bytes.Length);
        body = bytes[..taken];
        _left -= taken;
        return taken == 0 ? HttpPart.None : HttpPart.Body;
    }

    private HttpPart ReadChunkSize(ReadOnlySpan<byte> bytes, out int taken, out ReadOnlySpan<byte> body)
    {
        body = default;
        taken = 0;
        var end = bytes.IndexOf("\r\n"u8);
        if (end < 0)
            return bytes.Length > ChunkSizeBytesMax ? HttpPart.Broken : HttpPart.None;
        if (!Utf8Parser.TryParse(bytes[..end], out int size, out var digits, 'x') || digits != end || size < 0)
            return HttpPart.Broken;
        taken = end + 2;
        _left = size;
        _expected = size == 0 ? Expected.LastChunkEnd : Expected.Chunk;
        var part = Read(bytes[taken..], out var more, out body);
        taken += more;
        return part;
    }

    private HttpPart ReadChunkEnd(ReadOnlySpan<byte> bytes, out int taken, out ReadOnlySpan<byte> body)
    {
        body = default;
        taken = 0;
        if (bytes.Length < 2)
            return HttpPart.None;
        taken = 2;
        if (!bytes.StartsWith("\r\n"u8))
            return HttpPart.Broken;
        if (_expected == Expected.LastChunkEnd)
            return End();
        _expected = Expected.ChunkSize;
        var part = ReadChunkSize(bytes[2..], out var more, out body);
        taken += more;
        return part;
    }

    private HttpPart ReadHead(ReadOnlySpan<byte> bytes, out int taken)
    {
        taken = bytes.IndexOf("\r\n\r\n"u8) + 4;
        if (taken < 4)
        {
            taken = 0;
            return bytes.Length > HeadBytesMax ? HttpPart.Broken : HttpPart.None;
        }

        var head = bytes[..taken];
        if (!head.StartsWith("HTTP/1.1 "u8) || !Utf8Parser.TryParse(head.Slice(9, 3), out int status, out _))
            return HttpPart.Broken;
        (Status, RetryAfter, _left, _expected) = (status, null, -1, Expected.Content);
        var headers = head[(head.IndexOf("\r\n"u8) + 2)..^2];
        for (var end = headers.IndexOf("\r\n"u8); end >= 0; end = headers.IndexOf("\r\n"u8))
        {
            ReadHeader(headers[..end]);
            headers = headers[(end + 2)..];
        }

        if (status == NoContent)
            (_left, _expected) = (0, Expected.Content);
        // One without a length ends with its connection, and there is none behind it: not on a connection that is kept.
        return _expected == Expected.Content && _left < 0 ? HttpPart.Broken : HttpPart.Head;
    }

    private void ReadHeader(ReadOnlySpan<byte> line)
    {
        var colon = line.IndexOf((byte)':');
        if (colon < 0)
            return;
        var name = line[..colon];
        var value = line[(colon + 1)..].Trim((byte)' ');
        if (Ascii.EqualsIgnoreCase(name, "Content-Length"u8) && Utf8Parser.TryParse(value, out long length, out _))
            _left = length;
        else if (Ascii.EqualsIgnoreCase(name, "Transfer-Encoding"u8) && Ascii.EqualsIgnoreCase(value, "chunked"u8))
            _expected = Expected.ChunkSize;
        else if (Ascii.EqualsIgnoreCase(name, "CloudSync-Retry-After-Ms"u8) && Utf8Parser.TryParse(value, out int milliseconds, out _))
            RetryAfter = TimeSpan.FromMilliseconds(milliseconds);
        else if (Ascii.EqualsIgnoreCase(name, "Retry-After"u8) && RetryAfter is null && Utf8Parser.TryParse(value, out int seconds, out _))
            RetryAfter = TimeSpan.FromSeconds(seconds);
    }
}
