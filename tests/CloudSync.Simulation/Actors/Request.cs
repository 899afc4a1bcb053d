// What a program asks of a gateway over REST: it is answered, or lost with the gateway's process, also when that ends before it has begun
// to look at it.

using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Actors;

internal sealed class Request
{
    private readonly SimulatedProcess _process;
    private readonly Action _lost;

    private Request(SimulatedProcess process, Action lost) => (_process, _lost) = (process, lost);

    /// <summary>Asks a process.</summary>
    /// <param name="process">The gateway's.</param>
    /// <param name="answer">Runs in it; says when it has answered.</param>
    /// <param name="lost">Called when the process has died before.</param>
    public static void Send(SimulatedProcess process, Action<Request> answer, Action lost)
    {
        var request = new Request(process, lost);
        process.Died += request._lost;
        process.Post(() => answer(request));
    }

    /// <summary>Nothing is lost any more.</summary>
    public void Answered() => _process.Died -= _lost;
}
