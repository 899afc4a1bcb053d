// A program that asks a gateway for something over REST, and another one when it isn't answered.

using CloudSync.Simulation.Checking;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Actors;

internal abstract class AskingProgram(SimulatedWorld world, Cluster cluster, Truth truth)
{
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(300);

    protected SimulatedWorld World { get; } = world;

    protected Truth Truth { get; } = truth;

    /// <summary>Asks the gateway of a place first.</summary>
    public void Start(int place)
    {
        Truth.Asking++;
        Try(place);
    }

    /// <summary>Asks once.</summary>
    /// <returns>Whether to ask again.</returns>
    protected abstract Task<bool> AskAsync(SimulatedGateway gateway);

    /// <summary>There was no answer.</summary>
    /// <returns>Whether to ask again.</returns>
    protected virtual bool Unanswered() => true;

    private void Try(int place)
    {
        if (cluster.Gateways[place] is not { Process.IsAlive: true } gateway)
        {
            Ended(again: true);
            return;
        }

        Request.Send(gateway.Process, request => _ = RunAsync(request), () => Ended(Unanswered()));

        async Task RunAsync(Request request)
        {
            var again = await AskAsync(gateway);
            request.Answered();
            Ended(again);
        }

        void Ended(bool again)
        {
            if (again)
                World.After(_pause, () => Try((place + 1) % cluster.Gateways.Count));
            else
                Truth.Asking--;
        }
    }
}
