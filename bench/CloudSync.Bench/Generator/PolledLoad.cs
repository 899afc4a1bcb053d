// What a client has besides whose connection is carried by plain requests (docs/protocol.md, "Without WebSockets").

using System.Buffers.Text;

namespace CloudSync.Bench.Generator;

/// <summary>What carries a connection.</summary>
internal enum LoadTransport
{
    /// <summary>A WebSocket.</summary>
    WebSocket,

    /// <summary>Posts, and a stream of events.</summary>
    ServerSentEvents,

    /// <summary>Posts, and polls that are answered one by one.</summary>
    Polling,
}

/// <param name="path">Of the requests: what stands before the key, and the query behind it.</param>
internal sealed class PolledLoad((string Before, string Query) path)
{
    private byte[] _text = [];
    private int _textLength;
    private byte[] _frame = [];
    private int _frameLength;

    /// <summary>The path of the endpoint, and with a key that of the connection.</summary>
    public string Path { get; private set; } = path.Before;

    public string Query => path.Query;

    public bool IsOpen { get; private set; }

    /// <summary>The file descriptor that polls go over; -1 if there is none.</summary>
    public int Socket { get; set; } = -1;

    public bool IsConnected { get; set; }

    public HttpAnswers Posts { get; } = new();

    public HttpAnswers Polls { get; } = new();

    /// <summary>What of an answer to a post isn't whole yet.</summary>
    public byte[]? RestOfPosts { get; set; }

    /// <summary>What of an answer to a poll isn't whole yet.</summary>
    public byte[]? RestOfPolls { get; set; }

    /// <summary>The number of the last frame that was posted.</summary>
    public long Posted { get; set; }

    public bool IsPosting { get; set; }

    /// <summary>What is to be posted when the post under way is answered: frames behind one another are one.</summary>
    public byte[]? Queued { get; set; }

    /// <summary>The number of the last piece that has come.</summary>
    public long Received { get; private set; }

    /// <summary>Bytes that came since something was acknowledged.</summary>
    public int Unacknowledged { get; set; }

    /// <summary>The connection's key, which the answer to the first post says.</summary>
    /// <returns>False: there is none in it.</returns>
    public bool TryOpen()
    {
        var text = System.Text.Encoding.UTF8.GetString(_text, 0, _textLength);
        _textLength = 0;
        if (text.Split('"') is not [_, "key", _, { Length: > 0 } key, ..])
            return false;
        (Path, IsOpen) = ($"{Path}/{key}", true);
        return true;
    }

    /// <summary>Takes what has come of a body.</summary>
    public void Add(ReadOnlySpan<byte> body) => Append(ref _text, ref _textLength, body);

    /// <summary>What has come of a body that is answered anew.</summary>
    public void Forget() => (_textLength, _frameLength) = (0, 0);

    /// <summary>Reads all events that are whole.</summary>
    /// <param name="take">Gets each frame that is complete with one.</param>
    /// <returns>Why the connection can't go on, or null.</returns>
    public string? ReadEvents(Action<ReadOnlySpan<byte>> take)
    {
        var read = 0;
        string? failure = null;
        while (failure is null && _text.AsSpan(read, _textLength - read).IndexOf("\n\n"u8) is >= 0 and var length)
        {
            failure = ReadEvent(_text.AsSpan(read, length), take);
            read += length + 2;
        }

        // Whoever takes a frame may have given the connection up.
        read = Math.Min(read, _textLength);
        _text.AsSpan(read, _textLength - read).CopyTo(_text);
        _textLength -= read;
        return failure;
    }

    private string? ReadEvent(Span<byte> block, Action<ReadOnlySpan<byte>> take)
    {
        long id = 0;
        var (isPiece, isClose) = (false, false);
        Span<byte> data = default;
        while (!block.IsEmpty)
        {
            var end = block.IndexOf((byte)'\n');
            var line = end < 0 ? block : block[..end];
            block = end < 0 ? default : block[(end + 1)..];
            if (line.StartsWith("id: "u8))
                id = Utf8Parser.TryParse(line[4..], out long number, out _) ? number : 0;
            else if (line.StartsWith("data: "u8))
                data = line[6..];
            else if (line.StartsWith("event: "u8))
                (isPiece, isClose) = (line[7..].SequenceEqual("piece"u8), line[7..].SequenceEqual("close"u8));
        }

        if (isClose)
            return $"The server closed: {System.Text.Encoding.UTF8.GetString(data)}";
        // A sign of life, or what has come already.
        if (id == 0 || id <= Received)
            return null;
        if (id != Received + 1)
            return "The server left a piece out.";
        if (Base64.DecodeFromUtf8InPlace(data, out var length) != System.Buffers.OperationStatus.Done)
            return "The server sent an event that can't be read.";
        Received = id;
        Unacknowledged += length;
        var bytes = data[..length];
        if (!isPiece && _frameLength == 0)
        {
            take(bytes);
            return null;
        }

        Append(ref _frame, ref _frameLength, bytes);
        if (isPiece)
            return _frameLength > WebSocketFrames.PayloadBytesMax ? "The server sent a message without end." : null;
        var (frame, count) = (_frame, _frameLength);
        (_frame, _frameLength) = ([], 0);
        take(frame.AsSpan(0, count));
        return null;
    }

    private static void Append(ref byte[] buffer, ref int length, ReadOnlySpan<byte> bytes)
    {
        if (buffer.Length < length + bytes.Length)
            Array.Resize(ref buffer, Math.Max(length + bytes.Length, buffer.Length * 2));
        bytes.CopyTo(buffer.AsSpan(length));
        length += bytes.Length;
    }
}
