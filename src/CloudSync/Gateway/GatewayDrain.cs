// A graceful stop, which nobody who writes should notice: no new connections, and everybody is told when to move to another
// gateway, each at a moment of its own, and served here until then. What is left after that is committed, sent and closed.
// It comes before the web server stops listening, so that it still serves them meanwhile.

using Microsoft.Extensions.Hosting;

namespace CloudSync.Gateway;

internal sealed class GatewayDrain(GatewayEnvironment gateway) : IHostedLifecycleService
{
    // The first may come back as soon as this: at once would be before this gateway has left its load balancer.
    private static readonly TimeSpan _comeBackAfter = TimeSpan.FromMilliseconds(250);

    // So many come to the other gateways in a second: few needn't wait for each other, and many don't come as a storm.
    private const double MovesPerSecond = 500;

    // The rest of the window is for those who don't move by themselves.
    private const double MovingShare = 0.75;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        var window = gateway.Options.DrainWindow;
        using var deadline = new CancellationTokenSource(window, gateway.Time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        gateway.Draining = true;
        GatewayLog.DrainStarted(gateway.Log, gateway.Connections.Count);
        var moving = window * MovingShare;
        var last = (2 * _comeBackAfter) + TimeSpan.FromSeconds(gateway.Connections.Count / MovesPerSecond);
        last = last < moving ? last : moving > _comeBackAfter ? moving : _comeBackAfter;
        var moved = WhenMovedAsync(moving, ended.Token);
        gateway.Connections.ForEach(
            (Min: _comeBackAfter, Max: last),
            static (connection, spread) => connection.TellGoingAway(spread.Min, spread.Max));
        await moved;
        try
        {
            await gateway.Documents.DrainAsync(ended.Token);
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // The window is over; the clients will send again what was not acknowledged.
        }
        catch (Exception exception)
        {
            GatewayLog.DrainBroke(gateway.Log, exception);
        }

        var closing = new List<Task>();
        gateway.Connections.ForEach(closing, static (connection, closing) =>
        {
            connection.CloseWhenRead(CloseCode.GoingAway);
            closing.Add(connection.WhenFinishedAsync());
        });
        var all = Task.WhenAll(closing);
        try
        {
            await all.WaitAsync(ended.Token);
            GatewayLog.DrainFinished(gateway.Log);
        }
        catch (OperationCanceledException)
        {
            GatewayLog.DrainTimedOut(gateway.Log, gateway.Connections.Count, window);
        }

        gateway.Stop();
        gateway.Connections.ForEach(0, static (connection, _) => connection.Abort());
    }

    // A network may be slow, so that whoever has been told to leave by now has a while to do it.
    private async Task WhenMovedAsync(TimeSpan moving, CancellationToken ended)
    {
        try
        {
            await gateway.Connections.WhenEmptyAsync().WaitAsync(moving, gateway.Time, ended);
            // What follows isn't for the last connection to do while it ends.
            await Task.Yield();
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
        {
            // Somebody is still here, and is closed.
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
