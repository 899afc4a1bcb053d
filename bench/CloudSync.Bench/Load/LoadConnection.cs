// One person's connection: speaks the protocol and nothing more, so that many of them take little from the machine that the
// server runs on too.

using System.Net.WebSockets;
using CloudSync.Protocol.V1;
using Google.Protobuf;

namespace CloudSync.Bench.Load;

/// <summary>A WebSocket with one document open on it.</summary>
internal sealed class LoadConnection : IAsyncDisposable
{
    private static readonly TimeSpan s_pingInterval = TimeSpan.FromSeconds(15);

    private readonly ClientWebSocket _socket = new();
    private readonly SemaphoreSlim _sending = new(1);
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource<string> _welcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _receiving = Task.CompletedTask;
    private Task _pinging = Task.CompletedTask;

    public LoadConnection(LoadDocument document, ulong clientId)
    {
        Document = document;
        ClientId = clientId;
        _socket.Options.KeepAliveInterval = TimeSpan.Zero;
    }

    public LoadDocument Document { get; }

    public ulong ClientId { get; }

    /// <summary>Which gateway it is on.</summary>
    public string GatewayId { get; private set; } = "";

    /// <summary>The newest version that has come here.</summary>
    public long Version { get; private set; }

    /// <summary>Called with what was committed, on the connection's own loop; when.</summary>
    public Action<Committed, long>? Committed { get; set; }

    /// <summary>Why it ended, if it did.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Connects and waits for the welcome.</summary>
    /// <param name="server">Its address.</param>
    /// <param name="hint">The document that the load balancer goes by.</param>
    /// <param name="stop">Cancels it.</param>
    public async Task ConnectAsync(Uri server, string hint, CancellationToken stop)
    {
        await _socket.ConnectAsync(new UriBuilder(server) { Scheme = "ws", Path = "/sync", Query = "document=" + hint }.Uri, stop);
        await SendAsync(new ClientMessage
        {
            Hello = new Hello { ProtocolVersion = 1, ClientId = ClientId, Agent = "cloudsync-bench", User = new User() },
        });
        _receiving = ReceiveAsync();
        _pinging = PingAsync();
        GatewayId = await _welcome.Task.WaitAsync(TimeSpan.FromSeconds(30), stop);
    }

    public async Task OpenAsync(CancellationToken stop)
    {
        await SendAsync(new ClientMessage { Open = new Open { DocumentId = Document.Id } });
        await _opened.Task.WaitAsync(TimeSpan.FromSeconds(30), stop);
    }

    public Task SubmitAsync(ulong sequence, ByteString operation) => SendAsync(new ClientMessage
    {
        Submit = new Submit
        {
            DocumentId = Document.Id, BaseVersion = (ulong)Version, ClientSeq = sequence, Operation = operation,
        },
    });

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _socket.Abort();
        await _receiving;
        await _pinging;
        _socket.Dispose();
        _sending.Dispose();
        _stopping.Dispose();
    }

    private async Task SendAsync(ClientMessage message)
    {
        var bytes = new ClientFrame { Messages = { message } }.ToByteArray();
        await _sending.WaitAsync(_stopping.Token);
        try
        {
            await _socket.SendAsync(bytes, WebSocketMessageType.Binary, true, _stopping.Token);
        }
        finally
        {
            _sending.Release();
        }
    }

    // Whoever only watches has nothing else to say.
    private async Task PingAsync()
    {
        using var timer = new PeriodicTimer(s_pingInterval);
        try
        {
            while (await timer.WaitForNextTickAsync(_stopping.Token))
                await SendAsync(new ClientMessage { Ping = new Ping() });
        }
        catch (Exception exception) when (exception is OperationCanceledException or WebSocketException or ObjectDisposedException)
        {
            // What is the matter is found out by who receives.
        }
    }

    private async Task ReceiveAsync()
    {
        var buffer = new byte[16 << 10];
        try
        {
            while (true)
            {
                var received = 0;
                ValueWebSocketReceiveResult part;
                do
                {
                    if (received == buffer.Length)
                        Array.Resize(ref buffer, buffer.Length * 2);
                    part = await _socket.ReceiveAsync(buffer.AsMemory(received), _stopping.Token);
                    received += part.Count;
                }
                while (!part.EndOfMessage);
                if (part.MessageType == WebSocketMessageType.Close)
                    throw new InvalidDataException($"The server closed: {_socket.CloseStatus} {_socket.CloseStatusDescription}");
                var now = System.Diagnostics.Stopwatch.GetTimestamp();
                foreach (var message in ServerFrame.Parser.ParseFrom(buffer, 0, received).Messages)
                    Take(message, now);
            }
        }
        catch (Exception exception)
        {
            if (!_stopping.IsCancellationRequested)
                Failure = exception;
            _welcome.TrySetException(exception);
            _opened.TrySetException(exception);
        }
    }

    private void Take(ServerMessage message, long now)
    {
        switch (message.BodyCase)
        {
            case ServerMessage.BodyOneofCase.Welcome:
                _welcome.TrySetResult(message.Welcome.GatewayId);
                break;
            case ServerMessage.BodyOneofCase.Opened:
                Version = (long)message.Opened.Version;
                _opened.TrySetResult();
                break;
            case ServerMessage.BodyOneofCase.Committed:
                var committed = message.Committed;
                Version = (long)committed.BaseVersion
                    + committed.Operations.Sum(static operation => (long)Math.Max(1, operation.Count));
                Committed?.Invoke(committed, now);
                break;
            case ServerMessage.BodyOneofCase.Error:
                throw new InvalidDataException($"The server refused: {message.Error.Code} {message.Error.Message}");
        }
    }
}
