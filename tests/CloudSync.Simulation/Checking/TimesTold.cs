// When a client was told to come back: with a connection, or to a document. It doesn't come before.

using CloudSync.Protocol.V1;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Checking;

/// <param name="world">Where it is.</param>
/// <param name="who">Whose client it is.</param>
/// <param name="readsMessages">Whether messages are read for it, which takes time.</param>
internal sealed class TimesTold(SimulatedWorld world, string who, bool readsMessages)
{
    // A client's clock may run a little too fast.
    private const double OfItsClock = 0.98;

    private readonly Dictionary<string, long> _documents = new(StringComparer.Ordinal);
    private long _connection;

    /// <summary>The client doesn't get a connection, and is told for how long to stay away; zero: it isn't told.</summary>
    public void Refused(TimeSpan retryAfter)
    {
        if (retryAfter > TimeSpan.Zero)
            _connection = At(retryAfter);
    }

    /// <summary>The client asks for a connection.</summary>
    public void Asks()
    {
        // Each begins with all documents.
        _documents.Clear();
        if (world.Now < _connection)
            Fail("connects", _connection);
    }

    /// <summary>The client has taken a message.</summary>
    public void Took(ReadOnlyMemory<byte> frame)
    {
        if (!readsMessages)
            return;
        foreach (var message in ServerFrame.Parser.ParseFrom(frame.Span).Messages)
        {
            if (message.Error is { DocumentId.Length: > 0, ClientSeq: 0, RetryAfterMs: > 0 } error)
                _documents[error.DocumentId] = At(TimeSpan.FromMilliseconds(error.RetryAfterMs));
        }
    }

    /// <summary>The client sends a message.</summary>
    public void Sends(ReadOnlyMemory<byte> frame)
    {
        if (!readsMessages || _documents.Count == 0)
            return;
        foreach (var message in ClientFrame.Parser.ParseFrom(frame.Span).Messages)
        {
            if (message.Open is { } open && _documents.Remove(open.DocumentId, out var at) && world.Now < at)
                Fail($"opens {open.DocumentId}", at);
        }
    }

    /// <summary>A person closes a document; who opens it again is another.</summary>
    public void Forget(string documentId) => _documents.Remove(documentId);

    private long At(TimeSpan retryAfter) => world.Now + (long)(retryAfter.Ticks * OfItsClock);

    private void Fail(string does, long at) =>
        world.Fail("asked too soon", $"{who} {does} {(at - world.Now) / TimeSpan.TicksPerMillisecond} ms before the time that it was told.");
}
