// A program that edits over REST. Most repeat what they aren't sure of under the same name until they are told that it is saved. Others
// give neither a name nor a version, and can't repeat anything.

using CloudSync.Documents;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using CloudSync.Simulation.Checking;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Actors;

internal sealed class ServerEditor(
    SimulatedWorld world, Cluster cluster, Truth truth, DocumentType type, Intentions intentions, Alphabet alphabet, Random random)
    : AskingProgram(world, cluster, truth)
{
    // Some of them have had the content that they edit for as long as it takes to make so many operations.
    private const int OldBase = 200;

    private readonly string _documentId = intentions.DocumentId;
    private readonly UserEdit _edit = intentions.Begin();
    private readonly bool _isNamed = random.Next(3) > 0;
    private readonly ulong _clientId = (ulong)random.NextInt64(1, long.MaxValue);
    private DocumentEdit? _submitted;

    protected override async Task<bool> AskAsync(SimulatedGateway gateway)
    {
        // JSON is left to people.
        if (type == DocumentType.Json)
            return false;
        try
        {
            var submitted = _submitted ??= Make((await gateway.Service.GetAsync(_documentId, CancellationToken.None)).Head);
            var logged = await gateway.Service.AppendAsync(_documentId, submitted, CancellationToken.None);
            _edit.Fate = EditFate.Saved;
            Truth.Acknowledged(_documentId, logged.ClientId, logged.ClientSequence);
            if (_isNamed && (logged.ClientId != _clientId || logged.ClientSequence != 1))
                World.Fail("lost", $"{_documentId}: a program's edit was answered with another's, at version {logged.Version}.");
        }
        catch (RefusedException exception) when (exception.Refusal.Retry != Retry.Never)
        {
            return Unanswered();
        }
        catch (RefusedException exception)
            when (exception.Refusal.Code == ErrorCode.DocumentNotFound && Truth.Documents[_documentId].IsDeleted)
        {
            // There is nothing to edit any more.
        }
        catch (Exception exception)
        {
            World.Fail("error", $"A program's edit of {_documentId} failed: {exception}");
        }

        return false;
    }

    protected override bool Unanswered()
    {
        if (_isNamed || _submitted is null)
            return true;
        _edit.Fate = EditFate.Unknown;
        return false;
    }

    // A character somewhere in the content of a version; without one, at the beginning of whatever is there.
    private DocumentEdit Make(long head)
    {
        var version = random.Next(3) == 0 ? Math.Max(0, head - random.Next(OldBase)) : head;
        var content = _isNamed ? [.. EditedText.ItemsOf(Delta.FromState(Truth.Documents[_documentId].At(version)))] : Array.Empty<string>();
        var at = random.Next(content.Length + 1);
        var operation = Delta.Empty;
        if (alphabet.Next() is { } next)
        {
            intentions.Insert(
                _edit, next.ToString(), at > 0 ? intentions.Find(content[at - 1]) : null,
                at < content.Length ? intentions.Find(content[at]) : null);
            operation = Delta.Build().Retain(at).Insert(next.ToString()).ToDelta();
        }

        return _isNamed
            ? new(operation.Bytes, version, "program", _clientId, 1)
            : new(operation.Bytes, BaseVersion: null, "program");
    }
}
