// TCP and epoll as Linux has them. A System.Net.Sockets.Socket costs some 700 bytes and a finalizer; here a connection is a
// number, and one thread asks for all of them at once which have something to say.

using System.Buffers.Binary;
using System.ComponentModel;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace CloudSync.Bench.Generator;

internal static partial class LinuxSockets
{
    public const int WouldBlock = 11;
    public const int Interrupted = 4;
    public const int Refused = 111;
    public const int Reset = 104;

    private const int Stream = 1;
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;
    private const int InProgress = 115;
    private const int SocketLevel = 1;
    private const int SocketError = 4;
    private const int Linger = 13;
    private const int IpLevel = 0;
    private const int BindAddressNoPort = 24;
    private const int TcpLevel = 6;
    private const int NoDelay = 1;
    private const int NoSignal = 0x4000;

    /// <summary>Begins to connect.</summary>
    /// <param name="server">Where to.</param>
    /// <param name="source">From which address of this machine; null: whichever.</param>
    /// <returns>The socket. It is connected when it can be written to and <see cref="ErrorOf"/> is 0.</returns>
    /// <exception cref="Win32Exception">It can't be begun.</exception>
    public static int Connect(SocketAddress server, SocketAddress? source)
    {
        var socket = Socket((int)server.Family is var family && family == (int)AddressFamily.InterNetworkV6 ? 10 : 2, Stream | NonBlocking | CloseOnExec, 0);
        if (socket < 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        var on = 1;
        var isBegun = SetOption(socket, TcpLevel, NoDelay, on, sizeof(int)) == 0
            && (source is null
                // The port is chosen when it is known where to: the same one serves for several servers.
                || (SetOption(socket, IpLevel, BindAddressNoPort, on, sizeof(int)) == 0 && Bind(socket, source.Buffer.Span, source.Size) == 0))
            && (Connect(socket, server.Buffer.Span, server.Size) == 0 || Marshal.GetLastPInvokeError() == InProgress);
        if (isBegun)
            return socket;
        var error = Marshal.GetLastPInvokeError();
        _ = Close(socket);
        throw new Win32Exception(error);
    }

    /// <summary>What became of connecting: 0, or an error number.</summary>
    public static int ErrorOf(int socket)
    {
        var size = sizeof(int);
        return GetOption(socket, SocketLevel, SocketError, out var error, ref size) == 0 ? error : Marshal.GetLastPInvokeError();
    }

    /// <summary>Reads what there is.</summary>
    /// <returns>How many bytes; 0 at the end; below 0: minus the error number.</returns>
    public static int Receive(int socket, Span<byte> buffer)
    {
        var count = (int)Receive(socket, buffer, buffer.Length, 0);
        return count < 0 ? -Marshal.GetLastPInvokeError() : count;
    }

    /// <summary>Writes as much as it takes now.</summary>
    /// <returns>How many bytes; below 0: minus the error number.</returns>
    public static int Send(int socket, ReadOnlySpan<byte> bytes)
    {
        var count = (int)Send(socket, bytes, bytes.Length, NoSignal);
        return count < 0 ? -Marshal.GetLastPInvokeError() : count;
    }

    /// <summary>Closes it as if the machine were gone: nothing is said, and its port is free at once.</summary>
    public static void Abort(int socket)
    {
        // struct linger { on, seconds }
        var linger = 1L;
        _ = SetOption(socket, SocketLevel, Linger, linger, sizeof(long));
        _ = Close(socket);
    }

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int socket);

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int Socket(int domain, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetOption(int socket, int level, int option, in int value, int size);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetOption(int socket, int level, int option, in long value, int size);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    private static partial int GetOption(int socket, int level, int option, out int value, ref int size);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static partial int Bind(int socket, ReadOnlySpan<byte> address, int size);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    private static partial int Connect(int socket, ReadOnlySpan<byte> address, int size);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Receive(int socket, Span<byte> buffer, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(int socket, ReadOnlySpan<byte> bytes, nint length, int flags);
}

/// <summary>Many sockets, asked at once which of them can be read from or written to.</summary>
internal sealed partial class Epoll : IDisposable
{
    public const uint Readable = 0x1;
    public const uint Writable = 0x4;
    public const uint Broken = 0x8 | 0x10;

    private const int CloseOnExec = 0x80000;
    private const int AddSocket = 1;
    private const int ChangeSocket = 3;
    private const int EventsAtOnce = 512;

    // struct epoll_event: 32 bits of events and 64 of ours, packed on x86 and nowhere else.
    private static readonly int s_keyAt = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;
    private static readonly int s_size = s_keyAt + 8;

    private readonly int _epoll;
    private readonly byte[] _events = new byte[EventsAtOnce * s_size];

    /// <exception cref="Win32Exception">There are none to be had.</exception>
    public Epoll()
    {
        _epoll = Create(CloseOnExec);
        if (_epoll < 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    /// <summary>Takes a socket in; one that is closed goes by itself.</summary>
    public void Add(int socket, uint events, int key) => Control(AddSocket, socket, events, key);

    public void Change(int socket, uint events, int key) => Control(ChangeSocket, socket, events, key);

    /// <summary>Waits until there is something, or for so long.</summary>
    /// <returns>How many events there are.</returns>
    public int Wait(TimeSpan patience)
    {
        var seconds = Math.DivRem(Math.Max(0, patience.Ticks), TimeSpan.TicksPerSecond, out var rest);
        Span<long> time = [seconds, rest * 100];
        var count = Wait(_epoll, _events, EventsAtOnce, time, 0);
        if (count >= 0)
            return count;
        return Marshal.GetLastPInvokeError() == LinuxSockets.Interrupted ? 0 : throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    public (uint Events, int Key) EventAt(int index)
    {
        var entry = _events.AsSpan(index * s_size, s_size);
        return (BinaryPrimitives.ReadUInt32LittleEndian(entry), BinaryPrimitives.ReadInt32LittleEndian(entry[s_keyAt..]));
    }

    public void Dispose() => _ = LinuxSockets.Close(_epoll);

    private void Control(int what, int socket, uint events, int key)
    {
        Span<byte> entry = stackalloc byte[s_size];
        entry.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(entry, events);
        BinaryPrimitives.WriteInt32LittleEndian(entry[s_keyAt..], key);
        if (Control(_epoll, what, socket, entry) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int Create(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int Control(int epoll, int what, int socket, Span<byte> entry);

    // Its time is given in nanoseconds: whole milliseconds would make each keystroke up to one late.
    [LibraryImport("libc", EntryPoint = "epoll_pwait2", SetLastError = true)]
    private static partial int Wait(int epoll, Span<byte> events, int count, ReadOnlySpan<long> patience, nint signals);
}
