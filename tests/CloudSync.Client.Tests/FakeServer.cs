// A server without sockets or time: frames lie in queues until a test moves them on, one by one, in whatever order.

using System.Buffers;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using Google.Protobuf;

namespace CloudSync.Client.Tests;

internal sealed class FakeServer
{
    public Dictionary<string, Sequencer> Documents { get; } = [];

    /// <summary>Every connection there ever was, in order.</summary>
    public List<FakeTransport> Connections { get; } = [];

    /// <summary>Where the clients connected to, in order.</summary>
    public List<Uri> Addresses { get; } = [];

    public string Endpoint { get; set; } = "ws://server/sync";

    public Limits Limits { get; } = new()
    {
        MessageBytes = 1 << 20, OperationBytes = 1 << 16, DocumentLength = 1 << 20, DocumentsPerConnection = 100,
        PresenceBytes = 1000,
    };

    public uint HeartbeatIntervalMs { get; set; } = 25_000;

    public bool ComposeRuns { get; set; }

    /// <summary>How long tokens count from when they are given; 0: the server knows no end.</summary>
    public ulong TokenValidForMs { get; set; }

    /// <summary>Answers a message in another way than usual if it returns true.</summary>
    public Func<FakeTransport, ClientMessage, bool>? Instead { get; set; }

    public FakeTransport Newest => Connections[^1];

    public CloudSyncClient Client(CloudSyncClientOptions options)
    {
        options.TransportFactory = address =>
        {
            Addresses.Add(address);
            var transport = new FakeTransport(this);
            Connections.Add(transport);
            return transport;
        };
        return new CloudSyncClient(new Uri(Endpoint), options);
    }

    /// <summary>Moves everything on until nothing is left to be moved.</summary>
    public void Run()
    {
        for (var moved = true; moved;)
        {
            moved = false;
            foreach (var transport in Connections.ToArray())
                moved |= transport.Accept() | transport.ServerReads() | transport.ClientReads();
        }
    }

    public void Handle(FakeTransport from, ClientMessage message)
    {
        if (Instead?.Invoke(from, message) == true)
            return;
        switch (message.BodyCase)
        {
            case ClientMessage.BodyOneofCase.Hello:
                from.ClientId = message.Hello.ClientId;
                from.Queue(new ServerMessage
                {
                    Welcome = new()
                    {
                        ProtocolVersion = 1, Limits = Limits, HeartbeatIntervalMs = HeartbeatIntervalMs,
                        HeartbeatTimeoutMs = 60_000, TokenValidForMs = TokenValidForMs,
                    },
                });
                break;
            case ClientMessage.BodyOneofCase.Ping:
                from.Queue(new ServerMessage { Pong = new() });
                break;
            case ClientMessage.BodyOneofCase.Authenticate:
                from.Queue(new ServerMessage { Authenticated = new() { ValidForMs = TokenValidForMs } });
                break;
            case ClientMessage.BodyOneofCase.Open:
                Open(from, message.Open);
                break;
            case ClientMessage.BodyOneofCase.Close:
                from.Open.Remove(message.Close.DocumentId);
                break;
            case ClientMessage.BodyOneofCase.Submit:
                Submit(from, message.Submit);
                break;
        }
    }

    private void Open(FakeTransport from, Open open)
    {
        if (!Documents.TryGetValue(open.DocumentId, out var document))
        {
            from.QueueError(ErrorCode.DocumentNotFound, Retry.Never, open.DocumentId);
            return;
        }

        from.Open.Add(open.DocumentId);
        var version = open.HasFromVersion ? (long)open.FromVersion : document.Head;
        Opened opened = new()
        {
            DocumentId = open.DocumentId, Type = document.Type.Name, Version = (ulong)version,
            Head = (ulong)document.Head, Title = "A title",
        };
        if (!open.HasFromVersion)
            opened.Snapshot = ByteString.CopyFrom(document.Snapshot);
        from.Queue(new ServerMessage { Opened = opened });
        foreach (var operation in document.Since(version, from.ClientId, ComposeRuns))
        {
            from.QueueCommitted(open.DocumentId, version, operation);
            version += Math.Max(1, (long)operation.Count);
        }
    }

    private void Submit(FakeTransport from, Submit submit)
    {
        var document = Documents[submit.DocumentId];
        var before = document.Submit(
            from.ClientId, submit.ClientSeq, (long)submit.BaseVersion, submit.Operation.Memory);
        if (before is { } version)
        {
            from.Queue(new ServerMessage
            {
                Ack = new() { DocumentId = submit.DocumentId, ClientSeq = submit.ClientSeq, Version = (ulong)version },
            });
            return;
        }

        foreach (var to in Connections.Where(to => !to.Broken && to.Open.Contains(submit.DocumentId)))
            to.QueueCommitted(submit.DocumentId, document.Head - 1, document.Log[^1]);
    }
}

/// <summary>A client's connection to the fake server.</summary>
internal sealed class FakeTransport(FakeServer server) : ClientTransport
{
    private readonly Queue<byte[]> _toServer = [];
    private readonly Queue<byte[]> _toClient = [];
    private ITransportListener? _listener;
    private bool _accepted;
    private bool _crashed;

    public ulong ClientId { get; set; }

    public HashSet<string> Open { get; } = [];

    /// <summary>All that the client said, from the first message.</summary>
    public List<ClientMessage> Said { get; } = [];

    public bool Broken { get; private set; }

    public bool Crashed => _crashed;

    /// <summary>Thrown by the next attempt to send, as a socket does that is gone.</summary>
    public Exception? SendFailure { get; set; }

    public override void Start(ITransportListener listener) => _listener = listener;

    public override ValueTask SendAsync(ReadOnlyMemory<byte> frame)
    {
        if (SendFailure is { } failure)
            throw failure;
        _toServer.Enqueue(frame.ToArray());
        Said.AddRange(ClientFrame.Parser.ParseFrom(frame.Span).Messages);
        return ValueTask.CompletedTask;
    }

    /// <summary>The client has closed it for good.</summary>
    public bool Left { get; private set; }

    public override void Close() => Broken = true;

    public override void Leave() => Left = Broken = true;

    public bool Accept()
    {
        if (_accepted || Broken || _crashed || _listener is null)
            return false;
        _accepted = true;
        _listener.Connected();
        return true;
    }

    public bool ServerReads()
    {
        if (Broken || !_toServer.TryDequeue(out var frame))
            return false;
        foreach (var message in ClientFrame.Parser.ParseFrom(frame).Messages)
            server.Handle(this, message);
        return true;
    }

    public bool ClientReads()
    {
        if (Broken || !_toClient.TryDequeue(out var frame))
            return false;
        if (_crashed)
            return true;
        _listener!.Received(frame);
        return true;
    }

    public void Break(TransportClosure? closure = null)
    {
        Broken = true;
        _listener!.Closed(closure ?? new("broken"));
    }

    /// <summary>The client's process ends: what it has sent still arrives, and nobody hears the answers.</summary>
    public void Crash()
    {
        _crashed = true;
        Open.Clear();
    }

    public void Queue(ServerMessage message) => Queue(new ServerFrame { Messages = { message } }.ToByteArray());

    public void Queue(byte[] frame) => _toClient.Enqueue(frame);

    public void QueueCommitted(string documentId, long baseVersion, CommittedOperation operation) =>
        Queue(new ServerMessage
        {
            Committed = new() { DocumentId = documentId, BaseVersion = (ulong)baseVersion, Operations = { operation } },
        });

    public void QueueError(ErrorCode code, Retry retry, string documentId = "", ulong sequence = 0, uint afterMs = 0) =>
        Queue(new ServerMessage
        {
            Error = new()
            {
                Code = code, Retry = retry, DocumentId = documentId, ClientSeq = sequence, RetryAfterMs = afterMs,
                Message = "Because.",
            },
        });
}
