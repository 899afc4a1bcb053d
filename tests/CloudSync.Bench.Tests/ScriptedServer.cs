// A server that does what a test tells it to, on a real socket: the framework's WebSocket and the generated messages.

using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using CloudSync.Protocol.V1;
using Google.Protobuf;

namespace CloudSync.Bench.Tests;

internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Func<Peer, Task> _serve;
    private readonly List<Task> _serving = [];
    private readonly Task _accepting;

    /// <param name="serve">Serves one connection to its end.</param>
    public ScriptedServer(Func<Peer, Task> serve)
    {
        _serve = serve;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/");

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Stop();
        await _accepting;
        await Task.WhenAll(_serving);
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        for (var number = 0; ; number++)
        {
            try
            {
                var client = await _listener.AcceptTcpClientAsync(_stopping.Token);
                _serving.Add(ServeAsync(client, number));
            }
            catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(TcpClient client, int number)
    {
        using (client)
        {
            try
            {
                await _serve(new Peer(client.GetStream(), number, _stopping.Token));
            }
            catch (Exception exception) when (exception is OperationCanceledException or IOException or WebSocketException)
            {
                // The generator is gone, or the test is over.
            }
        }
    }
}

/// <summary>One connection of the generator, from the other end.</summary>
internal sealed class Peer(NetworkStream stream, int number, CancellationToken stop)
{
    private WebSocket? _socket;

    /// <summary>Counted from 0, in the order in which they came.</summary>
    public int Number => number;

    /// <summary>What its Hello says it is.</summary>
    public ulong ClientId { get; private set; }

    public CancellationToken Stopping => stop;

    /// <summary>Reads the request; returns its lines.</summary>
    public async Task<string[]> ReadRequestAsync()
    {
        var text = new StringBuilder();
        var one = new byte[1];
        while (!text.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            await stream.ReadExactlyAsync(one, stop);
            text.Append((char)one[0]);
        }

        return text.ToString().Split("\r\n");
    }

    public async Task WriteAsync(string text) => await stream.WriteAsync(Encoding.ASCII.GetBytes(text), stop);

    public async Task WriteAsync(byte[] bytes) => await stream.WriteAsync(bytes, stop);

    /// <summary>From which version it opens the document; null: it has none.</summary>
    public ulong? FromVersion { get; private set; }

    /// <summary>Accepts the WebSocket and the Hello, and opens the document at the version that is asked for, or 0.</summary>
    /// <param name="head">Up to which version it is to be caught up.</param>
    public async Task<Hello> WelcomeAsync(ulong head = 0)
    {
        var hello = await AcceptAsync();
        await SendAsync(new ServerMessage { Opened = new Opened { DocumentId = "d", Version = FromVersion ?? 0, Head = head } });
        return hello;
    }

    /// <summary>Accepts the WebSocket and the Hello, and opens nothing.</summary>
    public async Task<Hello> AcceptAsync()
    {
        var key = (await ReadRequestAsync()).First(static line => line.StartsWith("Sec-WebSocket-Key: ", StringComparison.Ordinal))["Sec-WebSocket-Key: ".Length..];
#pragma warning disable CA5350 // RFC 6455 names SHA-1.
        var accept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350
        await WriteAsync($"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n");
        _socket = WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true });
        var hello = (await ReceiveAsync()).Messages;
        await SendAsync(
            new ServerMessage { Welcome = new Welcome { GatewayId = "scripted", HeartbeatIntervalMs = 25_000, HeartbeatTimeoutMs = 60_000 } });
        ClientId = hello[0].Hello.ClientId;
        FromVersion = hello.Select(static message => message.Open).OfType<Open>().FirstOrDefault() is { HasFromVersion: true } open ? open.FromVersion : null;
        return hello[0].Hello;
    }

    public async Task<ClientFrame> ReceiveAsync()
    {
        var buffer = new byte[64 << 10];
        var result = await _socket!.ReceiveAsync(buffer, stop);
        if (result.MessageType == WebSocketMessageType.Close)
            throw new WebSocketException("closed");
        return ClientFrame.Parser.ParseFrom(buffer, 0, result.Count);
    }

    /// <summary>Reads until the generator closes; with which code.</summary>
    public async Task<int> ReceiveCloseAsync()
    {
        var buffer = new byte[64 << 10];
        while (true)
        {
            if (await _socket!.ReceiveAsync(new ArraySegment<byte>(buffer), stop) is { MessageType: WebSocketMessageType.Close } result)
                return (int)result.CloseStatus!;
        }
    }

    /// <summary>The operations of the next message that holds some; signs of life are passed over.</summary>
    public async Task<IReadOnlyList<Submit>> ReceiveSubmitsAsync()
    {
        while (true)
        {
            if ((await ReceiveAsync()).Messages.Select(static message => message.Submit).OfType<Submit>().ToArray() is { Length: > 0 } submits)
                return submits;
        }
    }

    public Task SendAsync(params ServerMessage[] messages) => SendPieceAsync(new ServerFrame { Messages = { messages } }.ToByteArray(), true);

    /// <summary>A part of a message.</summary>
    public Task SendPieceAsync(ReadOnlyMemory<byte> bytes, bool isLast) =>
        _socket!.SendAsync(bytes, WebSocketMessageType.Binary, isLast, stop).AsTask();

    public Task CloseAsync(int code, string reason) => _socket!.CloseOutputAsync((WebSocketCloseStatus)code, reason, stop);

    /// <summary>Waits until the generator is gone.</summary>
    public async Task WaitForEndAsync()
    {
        while (true)
            await ReceiveAsync();
    }
}
