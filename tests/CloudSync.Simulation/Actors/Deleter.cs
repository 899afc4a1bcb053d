// Somebody who deletes a document over REST while others write in it, asks again until it is known to be gone, and then tries to have
// another of its name.

using CloudSync.Documents;
using CloudSync.Log;
using CloudSync.Protocol.V1;
using CloudSync.Simulation.Checking;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Actors;

internal sealed class Deleter(SimulatedWorld world, Cluster cluster, Truth truth, string documentId) : AskingProgram(world, cluster, truth)
{
    protected override async Task<bool> AskAsync(SimulatedGateway gateway)
    {
        try
        {
            await gateway.Service.DeleteAsync(documentId, CancellationToken.None);
            if (!Truth.Documents[documentId].IsDeleted)
                World.Fail("lost", $"{gateway.Name} said that {documentId} is deleted, and it isn't.");
            await CreateAsync(gateway);
        }
        catch (RefusedException exception) when (exception.Refusal.Retry != Retry.Never)
        {
            return true;
        }
        catch (RefusedException exception)
            when (exception.Refusal.Code == ErrorCode.DocumentNotFound && Truth.Documents[documentId].IsDeleted)
        {
            // The answer to the first time was lost.
        }
        catch (Exception exception)
        {
            World.Fail("error", $"{documentId} could not be deleted by {gateway.Name}: {exception}");
        }

        return false;
    }

    private async Task CreateAsync(SimulatedGateway gateway)
    {
        try
        {
            await gateway.Service.CreateAsync(documentId, "text", "another", "", default, CancellationToken.None);
            World.Fail("undead", $"{gateway.Name} gave the name of {documentId}, which was deleted, to another document.");
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
