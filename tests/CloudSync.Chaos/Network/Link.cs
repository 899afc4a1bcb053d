// The line between two parts: whoever connects to its port is led to the other's. It can be cut, in two ways, and be slow.
//
// It stands in this process and not in the kernel, so that it needs no rights, disturbs nobody else on the machine, and tells
// apart who connects: on one machine all parts have the same address.

using System.Net;
using System.Net.Sockets;
using CloudSync.Cluster.Parts;

namespace CloudSync.Chaos.Network;

/// <summary>How a line is.</summary>
internal enum LinkState
{
    Open,

    /// <summary>Nothing comes through, and nobody is told: as if a cable were pulled. What was sent comes later.</summary>
    Silent,

    /// <summary>Connections are reset, and new ones refused.</summary>
    Refusing,

    /// <summary>Whoever has connected reads nothing, and what it sends comes through.</summary>
    Unread,
}

/// <summary>A line from one part to another.</summary>
internal sealed class Link : IAsyncDisposable
{
    private const int BufferBytes = 64 << 10;
    private const int Backlog = 512;

    private readonly CancellationTokenSource _ended = new();
    private readonly HashSet<Socket> _sockets = [];
    private readonly Lock _gate = new();
    private Socket? _listener;
    private Task _accepting = Task.CompletedTask;
    private LinkState _state = LinkState.Open;
    private TaskCompletionSource _open = Completed();
    private TaskCompletionSource _read = Completed();

    public Link(string from, string to, int target)
    {
        (From, To, Target, Port) = (from, to, target, ServerProcess.FreePort());
        Listen();
    }

    public string From { get; }

    public string To { get; }

    /// <summary>Where it begins.</summary>
    public int Port { get; }

    /// <summary>Where it leads, for connections to come.</summary>
    public int Target { get; set; }

    /// <summary>How long it takes, each way.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>Changes how it is.</summary>
    public void Become(LinkState state)
    {
        lock (_gate)
        {
            if (_ended.IsCancellationRequested || state == _state)
                return;
            _state = state;
            _open = Hold(_open, state == LinkState.Silent);
            _read = Hold(_read, state == LinkState.Unread);
            if (state == LinkState.Refusing)
            {
                _listener?.Dispose();
                _listener = null;
                foreach (var socket in _sockets)
                    Reset(socket);
                _sockets.Clear();
            }
            else if (_listener is null)
            {
                Listen();
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        Become(LinkState.Refusing);
        await _ended.CancelAsync();
        _open.TrySetResult();
        _read.TrySetResult();
        await _accepting;
        _ended.Dispose();
    }

    private static TaskCompletionSource Completed()
    {
        var completed = new TaskCompletionSource();
        completed.SetResult();
        return completed;
    }

    private static TaskCompletionSource Hold(TaskCompletionSource gate, bool isHeld)
    {
        if (isHeld)
            return new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        gate.TrySetResult();
        return gate;
    }

    private static Socket NewSocket() => new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

    private static void Reset(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(enable: true, seconds: 0);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // It has gone already.
        }

        socket.Dispose();
    }

    private void Listen()
    {
        var listener = NewSocket();
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, Port));
        listener.Listen(Backlog);
        _listener = listener;
        _accepting = AcceptAsync(listener);
    }

    private async Task AcceptAsync(Socket listener)
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = await listener.AcceptAsync();
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                return;
            }

            socket.NoDelay = true;
            _ = Task.Run(() => LeadAsync(socket));
        }
    }

    private bool Take(Socket socket)
    {
        lock (_gate)
        {
            if (_state != LinkState.Refusing && !_ended.IsCancellationRequested)
                return _sockets.Add(socket);
        }

        Reset(socket);
        return false;
    }

    private async Task LeadAsync(Socket near)
    {
        using var far = NewSocket();
        if (!Take(near) || !Take(far))
            return;
        try
        {
            await _open.Task;
            // The other isn't there: then neither is this one.
            await far.ConnectAsync(IPAddress.Loopback, Target, _ended.Token);
            await Task.WhenAll(PassAsync(near, far, isDown: false), PassAsync(far, near, isDown: true));
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // Either end has gone, or the line was cut: so has the other.
        }
        finally
        {
            lock (_gate)
            {
                _sockets.Remove(near);
                _sockets.Remove(far);
            }

            Reset(near);
            Reset(far);
        }
    }

    private async Task PassAsync(Socket from, Socket to, bool isDown)
    {
        var buffer = new byte[BufferBytes];
        try
        {
            while (true)
            {
                var count = await from.ReceiveAsync(buffer.AsMemory(), SocketFlags.None);
                if (Delay > TimeSpan.Zero)
                    await Task.Delay(Delay, _ended.Token);
                await _open.Task;
                if (isDown)
                    await _read.Task;
                if (count == 0)
                {
                    to.Shutdown(SocketShutdown.Send);
                    return;
                }

                for (var sent = 0; sent < count;)
                    sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), SocketFlags.None);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // A reset is passed on too: the other direction ends with it.
            Reset(from);
            Reset(to);
        }
    }
}
