// A frame in the making, in an array from the pool. It exists while a flush runs and holds nothing between flushes. Before it
// there is room for the header that a WebSocket of our own puts there.

using System.Buffers;
using CloudSync.Gateway.Sockets;

namespace CloudSync.Gateway;

internal sealed class FrameBuffer : IBufferWriter<byte>, IDisposable
{
    private const int FirstBytes = 4096;

    private const int Room = TcpWebSocket.HeaderBytes;

    private byte[] _bytes = [];
    private int _end = Room;

    /// <summary>How many bytes the message has.</summary>
    public int Count => _end - Room + Shared.Length;

    /// <summary>What was written; without what is shared.</summary>
    public ReadOnlyMemory<byte> Written => _bytes.Length == 0 ? default : _bytes.AsMemory(Room, _end - Room);

    /// <summary>The end of the message, in bytes that belong to somebody else: what is large and goes to many is not copied.</summary>
    public ReadOnlyMemory<byte> Shared { get; private set; }

    /// <summary>What was written, behind the header of a WebSocket message that what is shared belongs to as well.</summary>
    public ReadOnlyMemory<byte> WrittenWithHeader()
    {
        Grow(0);
        var header = TcpWebSocket.WriteHeader(_bytes.AsSpan(0, Room), Count);
        return _bytes.AsMemory(Room - header, header + _end - Room);
    }

    /// <summary>Ends the message with bytes that nobody changes. Nothing may be written after them.</summary>
    public void Share(ReadOnlyMemory<byte> bytes) => Shared = bytes;

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _bytes.Length - _end);
        _end += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Grow(sizeHint);
        return _bytes.AsMemory(_end);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Grow(sizeHint);
        return _bytes.AsSpan(_end);
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(GetSpan(bytes.Length));
        _end += bytes.Length;
    }

    /// <summary>Forgets what was written behind a place, and what is shared: the half of a message that could not be finished.</summary>
    public void Truncate(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _end - Room);
        Shared = default;
        _end = Room + count;
    }

    /// <summary>Gives the array back. The buffer can be written to again.</summary>
    public void Dispose()
    {
        if (_bytes.Length > 0)
            ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
        _end = Room;
        Shared = default;
    }

    private void Grow(int sizeHint)
    {
        var needed = _end + Math.Max(sizeHint, 1);
        if (needed <= _bytes.Length)
            return;
        var grown = ArrayPool<byte>.Shared.Rent(Math.Max(needed, Math.Max(FirstBytes, _bytes.Length * 2)));
        if (_bytes.Length > 0)
        {
            _bytes.AsSpan(0, _end).CopyTo(grown);
            ArrayPool<byte>.Shared.Return(_bytes);
        }

        _bytes = grown;
    }
}
