// What is true: each document as the fold of what the database has committed, at every version. All that anybody shows or reads is
// compared with it.

using System.Buffers;
using System.Text;
using System.Text.Json.Nodes;
using CloudSync.Log;
using CloudSync.Operations;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Checking;

internal sealed class Truth(SimulatedWorld world)
{
    private readonly Dictionary<string, TrueDocument> _documents = new(StringComparer.Ordinal);
    private readonly ArrayBufferWriter<byte> _scratch = new();

    public IReadOnlyDictionary<string, TrueDocument> Documents => _documents;

    /// <summary>Programs that ask again until they are answered, and weren't yet.</summary>
    public int Asking { get; set; }

    /// <summary>Operations committed in all documents.</summary>
    public long Operations { get; private set; }

    public void Created(string documentId, string type) =>
        _documents.Add(documentId, new(DocumentType.Find(type)!, Hash(DocumentType.Find(type)!.CreateEmpty())));

    /// <summary>The database has committed an operation.</summary>
    public void Committed(string documentId, in LoggedOperation operation)
    {
        Operations++;
        if (_documents[documentId].IsDeleted)
            world.Fail("undead", $"Version {operation.Version} of {documentId} was written after it was deleted.");
        if (operation.BaseVersion < operation.Version - 1)
            world.Reached.Count(Rare.Transforms);
        var document = _documents[documentId];
        world.Hash.Add(operation.Bytes.Span);
        if (!document.Versions.TryAdd((operation.ClientId, operation.ClientSequence), operation.Version))
        {
            world.Fail("duplicated", 
                $"Operation {operation.ClientSequence} of client {operation.ClientId:x} is in {documentId} at version {document.Versions[(operation.ClientId, operation.ClientSequence)]} and again at {operation.Version}.");
        }

        if (operation.Version != document.Head + 1)
            world.Fail("not dense", $"{documentId}: version {operation.Version} was written after {document.Head}.");
        try
        {
            document.State.Apply(operation.Bytes.Span);
        }
        catch (OperationException exception)
        {
            world.Fail("unfit", $"{documentId}: version {operation.Version} doesn't fit its predecessor: {exception.Message}");
        }

        document.Add(Hash(document.State));
        if (world.Listener is not null)
            world.Tell($"{documentId} version {operation.Version} is committed: {operation.ClientId:x}:{operation.ClientSequence} on {operation.BaseVersion}");
    }

    /// <summary>The database has deleted a document.</summary>
    public void Deleted(string documentId)
    {
        _documents[documentId].IsDeleted = true;
        world.Reached.Count(Rare.Deletions);
        world.Tell($"{documentId} is deleted");
    }

    /// <summary>A client was told that its operation is committed.</summary>
    public void Acknowledged(string documentId, ulong clientId, ulong sequence)
    {
        if (!_documents[documentId].Versions.ContainsKey((clientId, sequence)))
            world.Fail("lost", $"Operation {sequence} of client {clientId:x} was acknowledged, but it is not in the log of {documentId}.");
    }

    /// <summary>Somebody shows a document at a version.</summary>
    public void Shown(string who, string documentId, long version, DocumentState state)
    {
        var document = _documents[documentId];
        if (version > document.Head)
            world.Fail("invented", $"{who} shows {documentId} at version {version}; the log ends at {document.Head}.");
        else if (Hash(state) != document.Hashes[(int)version] && !IsSame(state, document.At(version)))
            world.Fail("diverged", $"{who} shows {documentId} at version {version} as {Content(state)}; it is {Content(document.At(version))}.");
    }

    // The order of attributes, and of the members of an object, is nobody's business.
    public static bool IsSame(DocumentState state, DocumentState other) => state.Type == DocumentType.Json
        ? JsonNode.DeepEquals(JsonNode.Parse(Content(state)), JsonNode.Parse(Content(other)))
        : Delta.FromState(state).Equals(Delta.FromState(other));

    public static string Content(DocumentState state)
    {
        var snapshot = new ArrayBufferWriter<byte>();
        state.EncodeSnapshot(snapshot);
        return state.Type == DocumentType.Json ? Encoding.UTF8.GetString(snapshot.WrittenSpan) : Delta.FromState(state).ToJson();
    }

    private ulong Hash(DocumentState state)
    {
        _scratch.ResetWrittenCount();
        state.EncodeSnapshot(_scratch);
        return RunHash.Of(_scratch.WrittenSpan);
    }
}

/// <summary>A document's whole past.</summary>
internal sealed class TrueDocument(DocumentType type, ulong hash)
{
    // Forks share what they have in common.
    private readonly List<DocumentState> _states = [];

    public DocumentType Type => type;

    public DocumentState State { get; } = type.CreateEmpty();

    public long Head => Hashes.Count - 1;

    public bool IsDeleted { get; set; }

    /// <summary>Of the content, by version.</summary>
    public List<ulong> Hashes { get; } = [hash];

    public void Add(ulong hash)
    {
        Hashes.Add(hash);
        _states.Add(State.Fork());
    }

    /// <summary>The content at a version.</summary>
    public DocumentState At(long version) => version == 0 ? type.CreateEmpty() : _states[(int)version - 1];

    /// <summary>By the names of operations.</summary>
    public Dictionary<(ulong ClientId, ulong Sequence), long> Versions { get; } = [];
}
