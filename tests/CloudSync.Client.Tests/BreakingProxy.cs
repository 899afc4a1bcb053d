// A network that breaks WebSockets, between a client and a server: plain requests get through.

using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace CloudSync.Client.Tests;

/// <summary>What is done to a WebSocket.</summary>
public enum Breaking
{
    /// <summary>Nothing.</summary>
    No,

    /// <summary>It is denied.</summary>
    Refuses,

    /// <summary>It is never answered.</summary>
    Swallows,

    /// <summary>It begins, and is cut off.</summary>
    Cuts,

    /// <summary>It is cut off behind the server's first message.</summary>
    CutsLater,
}

internal sealed partial class BreakingProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Uri _target;
    private readonly ConcurrentDictionary<Socket, bool> _sockets = [];
    private readonly Task _accepting;
    private int _upgrades;

    public BreakingProxy(Uri target, Breaking breaking)
    {
        _target = target;
        Breaking = breaking;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public Breaking Breaking { get; set; }

    /// <summary>What is answered by streams of events is held back.</summary>
    public bool HoldsStreams { get; init; }

    /// <summary>How many WebSockets were asked for.</summary>
    public int Upgrades => Volatile.Read(ref _upgrades);

    /// <summary>The beginnings of requests that were passed on.</summary>
    public ConcurrentQueue<string> Requests { get; } = [];

    public Uri Endpoint => new UriBuilder(_target) { Port = ((IPEndPoint)_listener.LocalEndpoint).Port }.Uri;

    /// <summary>Cuts everything that goes through it.</summary>
    public void Cut()
    {
        foreach (var socket in _sockets.Keys)
            socket.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        Cut();
        await _accepting;
    }

    [GeneratedRegex(@"^Sec-WebSocket-Key: (.*?)\r?$", RegexOptions.Multiline | RegexOptions.IgnoreCase)]
    private static partial Regex Key();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(Keep(await _listener.AcceptSocketAsync()));
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private async Task ServeAsync(Socket client)
    {
        try
        {
            var head = new byte[16 * 1024];
            var count = 0;
            do
            {
                var read = await client.ReceiveAsync(head.AsMemory(count));
                if (read == 0)
                    return;
                count += read;
            }
            while (head.AsSpan(0, count).IndexOf("\r\n\r\n"u8) < 0);
            var text = Encoding.Latin1.GetString(head, 0, count);
            if (text.Contains("Upgrade: websocket", StringComparison.OrdinalIgnoreCase))
            {
                Interlocked.Increment(ref _upgrades);
                if (Breaking is not (Breaking.No or Breaking.CutsLater))
                {
                    await BreakAsync(client, text);
                    return;
                }

                await PassAsync(client, head.AsMemory(0, count), messages: Breaking == Breaking.CutsLater ? 1 : int.MaxValue);
                return;
            }

            await PassAsync(client, head.AsMemory(0, count));
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // One of the two has gone.
        }
        finally
        {
            Drop(client);
        }
    }

    private async Task BreakAsync(Socket client, string request)
    {
        if (Breaking == Breaking.Swallows)
        {
            await client.ReceiveAsync(new byte[1]);
            return;
        }

#pragma warning disable CA5350 // The handshake is defined so.
        var accepted = SHA1.HashData(Encoding.ASCII.GetBytes(
            Key().Match(request).Groups[1].Value + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
#pragma warning restore CA5350
        await client.SendAsync(Encoding.ASCII.GetBytes(Breaking == Breaking.Refuses
            ? "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            : "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + $"Sec-WebSocket-Accept: {Convert.ToBase64String(accepted)}\r\n\r\n"));
    }

    // Of a WebSocket so many of the server's messages, each of which is a part of its own behind the answer to the upgrade.
    private async Task PassAsync(Socket client, ReadOnlyMemory<byte> head, int messages = int.MaxValue)
    {
        var server = Keep(new Socket(SocketType.Stream, ProtocolType.Tcp));
        try
        {
            await server.ConnectAsync(_target.Host, _target.Port);
            var held = new StrongBox();
            Look(head.Span, held);
            await server.SendAsync(head);
            await Task.WhenAny(
                CopyAsync(client, server, bytes => Look(bytes, held)), CopyAsync(server, client, null, () => held.Value, messages));
        }
        finally
        {
            Drop(server);
        }
    }

    private void Look(ReadOnlySpan<byte> bytes, StrongBox held)
    {
        var text = Encoding.Latin1.GetString(bytes);
        if (text.StartsWith("GET ", StringComparison.Ordinal) || text.StartsWith("POST ", StringComparison.Ordinal))
            Requests.Enqueue(text.Contains("text/event-stream", StringComparison.Ordinal) ? "STREAM" : text[..text.IndexOf(' ', StringComparison.Ordinal)]);
        held.Value = HoldsStreams && text.Contains("text/event-stream", StringComparison.Ordinal);
    }

    private static async Task CopyAsync(Socket from, Socket to, SpanAction? seen, Func<bool>? isHeld = null, int messages = int.MaxValue)
    {
        var buffer = new byte[16 * 1024];
        for (var part = 0; part <= messages && await from.ReceiveAsync(buffer.AsMemory()) is > 0 and var count; part++)
        {
            seen?.Invoke(buffer.AsSpan(0, count));
            if (isHeld?.Invoke() != true)
                await to.SendAsync(buffer.AsMemory(0, count));
        }
    }

    private Socket Keep(Socket socket)
    {
        _sockets[socket] = true;
        return socket;
    }

    private void Drop(Socket socket)
    {
        _sockets.TryRemove(socket, out _);
        socket.Dispose();
    }

    private delegate void SpanAction(ReadOnlySpan<byte> bytes);

    private sealed class StrongBox
    {
        public volatile bool Value;
    }
}
