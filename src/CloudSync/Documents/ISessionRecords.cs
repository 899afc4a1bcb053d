// The session records port: who has a document open, on which gateway, since when. For whoever asks, and never in the way
// of those who edit: gateways write it down now and then, and what a gateway wrote goes with its lease (law 7).

namespace CloudSync.Documents;

/// <summary>Knows the sessions of all gateways, as far as they have said. Thread-safe.</summary>
public interface ISessionRecords
{
    /// <summary>Where this gateway's own sessions are looked up. Called once, before anything else.</summary>
    /// <param name="find">Gives the sessions of a document, of at most so many the records.</param>
    void Begin(Func<string, int, DocumentSessions> find);

    /// <summary>A session has come, gone, or shows another name. Neither blocks nor throws.</summary>
    void Changed(string documentId);

    /// <summary>The sessions in a document.</summary>
    /// <param name="documentId">The document; need not exist.</param>
    /// <param name="limit">1 to 1,000.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    ValueTask<DocumentSessions> ListAsync(string documentId, int limit, CancellationToken cancellationToken);
}

/// <summary>The sessions in a document.</summary>
/// <param name="Count">How many there are.</param>
/// <param name="IsComplete">False if others may be missing just now.</param>
/// <param name="Sessions">The records of some or all of them, those that have been there longest first.</param>
public sealed record DocumentSessions(int Count, bool IsComplete, IReadOnlyList<SessionRecord> Sessions)
{
    /// <summary>The most records that are kept for one gateway and document, and that are listed.</summary>
    public const int MaxRecords = 1_000;
}

/// <summary>One client's use of one document.</summary>
/// <param name="GatewayId">Its gateway.</param>
/// <param name="ClientId">The client.</param>
/// <param name="UserId">Who it is; may be empty.</param>
/// <param name="UserName">The name that the others are shown; may be empty.</param>
/// <param name="Since">When it opened the document.</param>
public sealed record SessionRecord(string GatewayId, ulong ClientId, string UserId, string UserName, DateTimeOffset Since);

/// <summary>The embedded one: this gateway is alone, and knows its own.</summary>
internal sealed class LocalSessionRecords : ISessionRecords
{
    private Func<string, int, DocumentSessions> _find = static (_, _) => new DocumentSessions(0, true, []);

    public void Begin(Func<string, int, DocumentSessions> find) => _find = find;

    public void Changed(string documentId)
    {
    }

    public ValueTask<DocumentSessions> ListAsync(string documentId, int limit, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, DocumentSessions.MaxRecords);
        return new(_find(documentId, limit));
    }
}
