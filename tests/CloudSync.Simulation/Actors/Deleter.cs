// Somebody who deletes a document over REST while others write in it, asks again until it is known to be gone, and then tries to have
// another of its name.

using CloudSync.Documents;
using CloudSync.Log;
using CloudSync.Protocol.V1;
using CloudSync.Simulation.Checking;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Actors;

internal sealed class Deleter(SimulatedWorld world, Cluster cluster, Truth truth, string documentId)
{
    public void Start(int place)
    {
        truth.Asking++;
        Try(place);
    }

    private void Try(int place)
    {
        if (cluster.Gateways[place] is { Process.IsAlive: true } gateway)
            Request.Send(gateway.Process, request => _ = DeleteAsync(request, gateway, place), () => Again(place));
        else
            Again(place);
    }

    private void Again(int place) => world.After(TimeSpan.FromMilliseconds(300), () => Try((place + 1) % cluster.Gateways.Count));

    private async Task DeleteAsync(Request request, SimulatedGateway gateway, int place)
    {
        var again = false;
        try
        {
            await gateway.Service.DeleteAsync(documentId, CancellationToken.None);
            if (!truth.Documents[documentId].IsDeleted)
                world.Fail("lost", $"{gateway.Name} said that {documentId} is deleted, and it isn't.");
            await CreateAsync(gateway);
        }
        catch (RefusedException exception) when (exception.Refusal.Retry != Retry.Never)
        {
            again = true;
        }
        catch (RefusedException exception)
            when (exception.Refusal.Code == ErrorCode.DocumentNotFound && truth.Documents[documentId].IsDeleted)
        {
            // The answer to the first time was lost.
        }
        catch (Exception exception)
        {
            world.Fail("error", $"{documentId} could not be deleted by {gateway.Name}: {exception}");
        }
        finally
        {
            request.Answered();
            if (again)
                Again(place);
            else
                truth.Asking--;
        }
    }

    private async Task CreateAsync(SimulatedGateway gateway)
    {
        try
        {
            await gateway.Service.CreateAsync(documentId, "text", "another", "", default, CancellationToken.None);
            world.Fail("undead", $"{gateway.Name} gave the name of {documentId}, which was deleted, to another document.");
        }
        catch (DocumentExistsException)
        {
            // As it should be.
        }
        catch (RefusedException exception) when (exception.Refusal.Code == ErrorCode.LogUnavailable)
        {
            // Nor was it created.
        }
    }
}
