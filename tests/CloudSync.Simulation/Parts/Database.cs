// The simulated PostgreSQL: what is committed here is durable. It commits, answers, and fails as databases do; each gateway reaches
// it through a log of its own (SimulatedLog).

using CloudSync.Log;
using CloudSync.Operations;
using CloudSync.Simulation.Checking;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Parts;

internal sealed class Database
{
    private readonly Dictionary<string, StoredDocument> _documents = new(StringComparer.Ordinal);
    private readonly Truth _truth;

    public Database(SimulatedWorld world, Truth truth, Random random)
    {
        (World, _truth, Random) = (world, truth, random);
        var key = new byte[32];
        random.NextBytes(key);
        Key = key;
    }

    public SimulatedWorld World { get; }

    public Random Random { get; }

    public ReadOnlyMemory<byte> Key { get; }

    /// <summary>One way.</summary>
    public TimeSpan Latency { get; set; } = TimeSpan.FromMilliseconds(0.5);

    /// <summary>How long an append takes to reach the disk, at most.</summary>
    public TimeSpan Sync { get; set; } = TimeSpan.FromMilliseconds(2);

    /// <summary>It takes so many times as long.</summary>
    public double Slowness { get; set; } = 1;

    /// <summary>Of the statements, so many fail: some before they are carried out, some after.</summary>
    public double FailureRate { get; set; }

    public bool IsUp { get; private set; } = true;

    /// <summary>How often it has started. What was sent before is answered by nobody.</summary>
    public int Incarnation { get; private set; } = 1;

    public IReadOnlyDictionary<string, StoredDocument> Documents => _documents;

    /// <summary>Ends in the midst of what it does: of the appends that have arrived, some documents' are written and others' not.</summary>
    public void Crash()
    {
        IsUp = false;
        Incarnation++;
        World.Tell("the database crashes");
    }

    public void Start()
    {
        IsUp = true;
        World.Tell("the database is back");
    }

    public void Create(NewDocument document)
    {
        if (_documents.ContainsKey(document.Id))
            throw new DocumentExistsException(document.Id);
        _documents.Add(document.Id, new(document));
        _truth.Created(document.Id, document.Type);
    }

    public StoredDocument? Find(string documentId) => FindEver(documentId) is { IsDeleted: false } document ? document : null;

    /// <summary>Deleted ones too.</summary>
    public StoredDocument? FindEver(string documentId) => _documents.GetValueOrDefault(documentId);

    public bool Delete(string documentId)
    {
        if (Find(documentId) is not { } document)
            return false;
        document.IsDeleted = true;
        _truth.Deleted(documentId);
        return true;
    }

    public AppendResult Append(DocumentAppend append)
    {
        if (Find(append.DocumentId) is not { } document)
            return new(AppendOutcome.NotFound, 0);
        if (document.Head != append.ExpectedHead)
            return new(AppendOutcome.Conflict, document.Head);
        foreach (var operation in append.Operations)
        {
            var at = operation.CommittedAt > document.ChangedAt ? operation.CommittedAt : document.ChangedAt;
            // As a database does, which keeps bytes of its own.
            var logged = new LoggedOperation(
                document.Head + 1, operation.ClientId, operation.ClientSequence, operation.BaseVersion, operation.Author, at,
                operation.Bytes.ToArray());
            document.Add(logged);
            _truth.Committed(append.DocumentId, logged);
        }

        return new(AppendOutcome.Appended, document.Head);
    }
}

/// <summary>A document as the database has it.</summary>
internal sealed class StoredDocument(NewDocument document)
{
    private readonly List<byte[]> _links = [];

    public string Id => document.Id;

    public string Title { get; set; } = document.Title;

    public bool IsDeleted { get; set; }

    public List<LoggedOperation> Operations { get; } = [];

    public SortedList<long, ReadOnlyMemory<byte>> Snapshots { get; } = [];

    public long PackedThrough { get; set; }

    public long Head => Operations.Count;

    public DateTimeOffset ChangedAt { get; private set; } = document.CreatedAt;

    public DocumentRecord Record => new(
        document.Id, document.Type, Title, Head, document.CreatedAt, document.CreatedBy, ChangedAt);

    public void Add(in LoggedOperation operation)
    {
        Operations.Add(operation);
        ChangedAt = operation.CommittedAt;
    }

    /// <summary>The audit chain's link of a version; computed when it is first asked for.</summary>
    public ReadOnlyMemory<byte> Link(long version)
    {
        while (_links.Count < version)
        {
            var link = new byte[AuditChain.HashBytes];
            AuditChain.Link(_links.Count == 0 ? AuditChain.Begin(Id) : _links[^1], Operations[_links.Count], link);
            _links.Add(link);
        }

        return _links[(int)version - 1];
    }
}
