// A program that edits over REST, and repeats what it isn't sure of under the same name until it is told that it is saved.

using CloudSync.Documents;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using CloudSync.Simulation.Checking;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Actors;

internal sealed class ServerEditor(
    SimulatedWorld world, Cluster cluster, Truth truth, string documentId, DocumentType type, Random random)
{
    private readonly ulong _clientId = (ulong)random.NextInt64(1, long.MaxValue);
    private long? _base;

    public void Start(int place)
    {
        // Formatting and empty edits only: what people mean is followed by the characters that they type.
        if (type != DocumentType.Json)
            Try(place);
    }

    private void Try(int place)
    {
        if (cluster.Gateways[place] is { Process.IsAlive: true } gateway)
            gateway.Process.Post(() => _ = EditAsync(gateway, place));
        else
            Again(place);
    }

    private void Again(int place) => world.After(TimeSpan.FromMilliseconds(300), () => Try((place + 1) % cluster.Gateways.Count));

    private async Task EditAsync(SimulatedGateway gateway, int place)
    {
        var answered = false;
        // Nobody answers for a process that dies.
        gateway.Process.Died += OnDied;
        try
        {
            _base ??= (await gateway.Service.GetAsync(documentId, CancellationToken.None)).Head;
            var operation = Delta.Empty.Bytes;
            var logged = await gateway.Service.AppendAsync(
                documentId, new DocumentEdit(operation, _base, "program", _clientId, 1), CancellationToken.None);
            truth.Acknowledged(documentId, _clientId, 1);
            if (logged.ClientId != _clientId || logged.ClientSequence != 1)
                world.Fail("lost", $"{documentId}: a program's edit was answered with another's, at version {logged.Version}.");
        }
        catch (RefusedException exception) when (exception.Refusal.Retry != Retry.Never)
        {
            Again(place);
        }
        catch (RefusedException exception)
            when (exception.Refusal.Code == ErrorCode.DocumentNotFound && truth.Documents[documentId].IsDeleted)
        {
            // There is nothing to edit any more.
        }
        catch (Exception exception)
        {
            world.Fail("error", $"A program's edit of {documentId} failed: {exception}");
        }
        finally
        {
            answered = true;
            gateway.Process.Died -= OnDied;
        }

        void OnDied()
        {
            if (!answered)
                Again(place);
        }
    }
}
