// A client without a connection: reads its session whenever it is woken, and folds what it is sent.

using System.Buffers;
using System.Threading.Channels;
using CloudSync.Documents;
using CloudSync.Operations;
using CloudSync.Protocol.V1;

namespace CloudSync.Tests.Documents;

internal sealed class TestSession(ulong clientId) : IDocumentSubscriber, IDisposable
{
    private static readonly TimeSpan _failureGuard = TimeSpan.FromSeconds(60);

    private readonly Channel<bool> _wakes = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private DocumentSession? _session;

    public ulong ClientId => clientId;

    public long Version { get; private set; }

    public Delta Content { get; private set; } = Delta.Empty;

    public string Text => Content.ToPlainText();

    public string Title { get; private set; } = "";

    public ulong Sequence { get; private set; }

    public List<ServerMessage> Messages { get; } = [];

    /// <summary>The version that each of this client's operations became, in order.</summary>
    public List<long> Acknowledged { get; } = [];

    /// <summary>The version that each of this client's operations became, by its number.</summary>
    public Dictionary<ulong, long> VersionOf { get; } = [];

    public List<Error> Errors { get; } = [];

    public ClosedReason Closed { get; private set; }

    /// <summary>How often it had to be caught up from the log.</summary>
    public int CaughtUp { get; private set; }

    public Dictionary<ulong, PresenceEntry> Present { get; } = [];

    public DocumentSession Session => _session!;

    public void Wake(DocumentSession session) => _wakes.Writer.TryWrite(true);

    public Task AttachAsync(DocumentSession session)
    {
        _session = session;
        return ReadUntilAsync(() => Messages.Count > 0);
    }

    /// <summary>Submits on the version this client has.</summary>
    public ulong Submit(Delta operation) => Submit(operation, Version, ++Sequence);

    public ulong Submit(Delta operation, long baseVersion, ulong sequence)
    {
        Session.Submit(baseVersion, sequence, operation.Bytes.Span);
        return sequence;
    }

    /// <summary>Reads until a condition holds, waiting for wakes.</summary>
    public async Task ReadUntilAsync(Func<bool> condition, TimeSpan? failAfter = null)
    {
        using var guard = new CancellationTokenSource(failAfter ?? _failureGuard);
        while (true)
        {
            await DrainAsync();
            if (condition())
                return;
            if (Closed != ClosedReason.Unspecified)
                throw new InvalidOperationException($"The session was closed: {Closed}.");
            try
            {
                await _wakes.Reader.ReadAsync(guard.Token);
            }
            catch (OperationCanceledException)
            {
                throw new TimeoutException($"Client {clientId} waits at version {Version}, '{Text}'.");
            }
        }
    }

    /// <summary>Reads whatever is there.</summary>
    public async Task DrainAsync(int byteLimit = 64 << 10)
    {
        while (true)
        {
            var output = new ArrayBufferWriter<byte>();
            var read = Session.Read(output, byteLimit);
            Receive(output.WrittenSpan);
            if (read == SessionRead.Behind)
            {
                CaughtUp++;
                output = new ArrayBufferWriter<byte>();
                read = await Session.CatchUpAsync(output, byteLimit, CancellationToken.None);
                Receive(output.WrittenSpan);
            }

            if (read is SessionRead.UpToDate or SessionRead.Ended)
                return;
        }
    }

    public Task ReachAsync(long version) => ReadUntilAsync(() => Version >= version);

    public void Dispose() => _session?.Dispose();

    private void Receive(ReadOnlySpan<byte> frame)
    {
        foreach (var message in ServerFrame.Parser.ParseFrom(frame).Messages)
        {
            Messages.Add(message);
            switch (message.BodyCase)
            {
                case ServerMessage.BodyOneofCase.Opened:
                    Version = (long)message.Opened.Version;
                    Title = message.Opened.Title;
                    if (message.Opened.HasSnapshot)
                        Content = Delta.FromBytes(message.Opened.Snapshot.Memory);
                    break;
                case ServerMessage.BodyOneofCase.Committed:
                    Receive(message.Committed);
                    break;
                case ServerMessage.BodyOneofCase.Ack:
                    Acknowledge(message.Ack.ClientSeq, (long)message.Ack.Version);
                    break;
                case ServerMessage.BodyOneofCase.Error:
                    Errors.Add(message.Error);
                    break;
                case ServerMessage.BodyOneofCase.Closed:
                    Closed = message.Closed.Reason;
                    break;
                case ServerMessage.BodyOneofCase.Renamed:
                    Title = message.Renamed.Title;
                    break;
                case ServerMessage.BodyOneofCase.PresenceChanged:
                    Receive(message.PresenceChanged);
                    break;
            }
        }
    }

    private void Acknowledge(ulong sequence, long version)
    {
        Acknowledged.Add(version);
        if (VersionOf.TryGetValue(sequence, out var known) && known != version)
            throw new InvalidOperationException($"Operation {sequence} became version {known}, and now {version}.");
        VersionOf[sequence] = version;
    }

    private void Receive(Committed committed)
    {
        if ((long)committed.BaseVersion != Version)
            throw new InvalidOperationException($"At version {Version}, sent a batch on {committed.BaseVersion}.");
        foreach (var operation in committed.Operations)
        {
            var delta = Delta.FromBytes(operation.Operation.Memory);
            Content = Content.Compose(delta);
            Version += operation.Count == 0 ? 1 : (long)operation.Count;
            if (operation.ClientId == clientId)
                Acknowledge(operation.ClientSeq, Version);
        }
    }

    private void Receive(PresenceChanged changed)
    {
        if ((long)changed.Version != Version)
            throw new InvalidOperationException($"At version {Version}, sent presence of {changed.Version}.");
        if (changed.Everybody)
            Present.Clear();
        foreach (var left in changed.Left)
            Present.Remove(left);
        foreach (var entry in changed.Entries)
            Present[entry.ClientId] = entry;
    }
}
