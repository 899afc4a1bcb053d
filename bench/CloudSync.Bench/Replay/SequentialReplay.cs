// Replays a session in which every patch was made on the one before: the clients type it in turn.

using CloudSync.Operations;

namespace CloudSync.Bench.Replay;

/// <summary>
/// A client's turn begins when it has received everything that was typed before. By default it lets every keystroke be
/// acknowledged before the next, so that each is an operation of its own; composing, it types without waiting, and the
/// client composes what is typed while an operation is in flight.
/// </summary>
internal sealed class SequentialReplay(Trace trace, Replicas replicas, int turn, bool compose)
{
    public async Task RunAsync(Action typed, CancellationToken stop)
    {
        var (left, next, version) = (0, 0, 0L);
        var author = replicas[0];
        foreach (var patch in trace.Transactions.SelectMany(transaction => transaction.Patches))
        {
            if (left-- == 0)
            {
                await author.WhenSavedAsync(stop);
                version = author.Document.Version;
                author = replicas[next++ % replicas.Count];
                await author.WhenAtAsync(version, stop);
                left = turn - 1;
            }

            author.Type(() => patch.ToDelta());
            if (!compose)
                await author.WhenSavedAsync(stop);
            typed();
        }
    }
}

internal static class PatchExtensions
{
    public static Delta ToDelta(this Patch patch) =>
        Delta.Build().Retain(patch.Position).Delete(patch.Deleted).Insert(patch.Inserted).ToDelta();
}
