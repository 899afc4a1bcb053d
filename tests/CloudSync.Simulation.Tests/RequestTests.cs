// What programs ask gateways is answered or lost, and never neither: a run waits for all of it in the end.

using CloudSync.Simulation.Actors;
using CloudSync.Simulation.World;
using Xunit;

namespace CloudSync.Simulation.Tests;

public sealed class RequestTests
{
    private readonly SimulatedWorld _world = new(seed: 1, stepsMax: 1_000);
    private int _answered;
    private int _lost;

    // One that stood still had many that it had not looked at.
    [Fact]
    public void A_request_is_lost_with_a_gateway_that_dies_before_it_looks_at_it()
    {
        var process = Send();
        process.Kill();
        Run();
        Assert.Equal((0, 1), (_answered, _lost));
    }

    [Fact]
    public void A_request_that_was_answered_is_not_lost_when_the_gateway_dies_later()
    {
        var process = Send();
        Run();
        process.Kill();
        Run();
        Assert.Equal((1, 0), (_answered, _lost));
    }

    private SimulatedProcess Send()
    {
        var process = new SimulatedProcess(_world, "gateway-0/0");
        Request.Send(
            process,
            request =>
            {
                _answered++;
                request.Answered();
            },
            () => _lost++);
        return process;
    }

    private void Run() => _world.RunUntil(_world.Now + TimeSpan.FromSeconds(10).Ticks);
}
