// A graceful stop: no new connections, everybody is told when to come back, what was taken is committed, what is
// committed is sent, and then the connections are closed. It comes before the web server stops listening, so that it
// still serves them meanwhile.

using Microsoft.Extensions.Hosting;

namespace CloudSync.Gateway;

internal sealed class GatewayDrain(GatewayEnvironment gateway) : IHostedLifecycleService
{
    // The first may come back as soon as this: at once would be before this gateway has left its load balancer.
    private static readonly TimeSpan _comeBackAfter = TimeSpan.FromMilliseconds(250);

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
        var last = window > _comeBackAfter ? window : _comeBackAfter;
        gateway.Connections.ForEach(
            (Min: _comeBackAfter, Max: last),
            static (connection, spread) => connection.TellGoingAway(spread.Min, spread.Max));
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

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
