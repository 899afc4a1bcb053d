// Those who write: all the time, or between two tunnels.

using CloudSync.Chaos.Network;
using CloudSync.Client;

namespace CloudSync.Chaos.Workload;

/// <summary>Types all the time, whether what was typed before is saved or not, as people do.</summary>
internal sealed class Writer(Session session, EditMaker maker, Flow flow, Random random)
{
    private const int PauseMsMin = 100;
    private const int PauseMsMax = 200;

    /// <summary>Edits that wait to be saved; beyond it nobody types on.</summary>
    private const int UnsavedMax = 5_000;

    private readonly List<Task> _saving = [];

    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(random.Next(PauseMsMin, PauseMsMax + 1), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            // What is refused stands in the history; whoever is refused for good stands still, and edits don't flow.
            if (stop.IsCancellationRequested || session.IsRefused)
                break;
            if (session.State.Unsaved < UnsavedMax)
                _saving.Add(TypeAsync());
            _saving.RemoveAll(static saving => saving.IsCompleted);
        }
    }

    private async Task TypeAsync()
    {
        var (began, saved) = session.Edit(maker.Apply, isOnline: true);
        try
        {
            await saved;
        }
        catch (Exception exception) when (exception is RefusedException or ObjectDisposedException)
        {
            return;
        }

        flow.Acknowledged(session.Name, began);
    }
}

/// <summary>Goes offline, writes on, comes back; and now and then closes the document and opens it anew.</summary>
internal sealed class Roamer(
    string name, Link line, Func<string, CancellationToken, Task<Session>> open, EditMaker maker, Random random)
{
    private const int PauseMsMin = 200;
    private const int PauseMsMax = 1_000;
    private const int PeriodMsMax = 12_000;

    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            for (var life = 1; ; life++)
            {
                var session = await open($"{name}.{life}", stop);
                for (var trips = random.Next(1, 4); trips > 0; trips--)
                {
                    await TypeAsync(session, stop);
                    line.Become(random.Next(2) == 0 ? LinkState.Silent : LinkState.Refusing);
                    await TypeAsync(session, stop);
                    line.Become(LinkState.Open);
                }

                await session.Document.WhenSavedAsync().WaitAsync(stop);
                session.Dispose();
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The end of the run finds him wherever he is.
        }
        catch (RefusedException)
        {
            // It stands in the history.
        }
        finally
        {
            line.Become(LinkState.Open);
        }
    }

    private async Task TypeAsync(Session session, CancellationToken stop)
    {
        for (var left = random.Next(PeriodMsMax); left > 0;)
        {
            var pause = random.Next(PauseMsMin, PauseMsMax + 1);
            left -= pause;
            await Task.Delay(pause, stop);
            if (session.IsRefused)
                return;
            Observe(session.Edit(maker.Apply, isOnline: false).Saved);
        }
    }

    // Whoever is told of a refusal is the history.
    private static void Observe(Task saved) => saved.ContinueWith(
        static task => _ = task.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
}
