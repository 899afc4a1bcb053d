// When nothing goes wrong any more, everything must become quiet and equal, in a bounded time; then all that was promised is compared
// with all that there is; and when everybody has left, nothing may be left behind.

using System.Text.Json.Nodes;
using CloudSync.Client;
using CloudSync.Operations;
using CloudSync.Simulation.Actors;
using CloudSync.Simulation.Checking;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation;

internal sealed class Aftermath(
    SimulatedWorld world, Truth truth, Cluster cluster, SimulatedUser[] users, string[] ids,
    IReadOnlyDictionary<string, (DocumentType Type, Intentions Intentions)> documents)
{
    // The longest of all patiences (a silent connection, then the longest back-off, then a lease), and some more.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    // A connection that is made and cut off again and again may just be there at one of them.
    private const int QuietLooks = 2;

    private static readonly TimeSpan _look = TimeSpan.FromMilliseconds(500);

    // Longer than documents stay in memory.
    private static readonly TimeSpan _leaving = TimeSpan.FromSeconds(30);

    // What a gateway has at rest: the sweeps of documents, of connections and of polls, the comparison of heads, its lease.
    private const int TimersAtRest = 5;

    /// <summary>Waits until everybody has everything.</summary>
    public void AwaitQuiet()
    {
        var deadline = world.Now + _patience.Ticks;
        string? noise;
        var quiet = 0;
        do
        {
            // Everybody looks at everything, so that all can be compared; a device that stands still does so when it goes on.
            foreach (var user in users)
            {
                foreach (var id in ids)
                    user.Do(() => user.OpenDocument(id));
            }

            world.RunUntil(world.Now + _look.Ticks);
            noise = Noise();
            quiet = noise is null ? quiet + 1 : 0;
        }
        while (quiet < QuietLooks && (world.Now < deadline || quiet > 0) && world.Violation is null);
        if (quiet < QuietLooks)
            world.Fail("not quiet", $"{_patience.TotalSeconds:0} s after the last fault: {noise}");
    }

    public void Check()
    {
        foreach (var user in users)
        {
            foreach (var document in user.Open.Values.Where(static document => !document.IsRefused))
                user.Do(document.CompareWhenQuiet);
        }

        world.Reached.Count(Rare.RunCorrections, users.Sum(static user => user.RunDivergences));
        foreach (var user in users.Where(static user => user.Divergences > 0))
            world.Fail("foreseen otherwise", $"{user.Name} had to be corrected {user.Divergences} times: the server merges otherwise than the client.");
        foreach (var id in ids)
        {
            CheckGateways(id);
            if (!truth.Documents[id].IsDeleted)
                CheckIntentions(id);
        }

        if (world.Violation is null)
            CheckLeftovers();
    }

    // What is still going on; null if nothing is.
    private string? Noise()
    {
        if (truth.Asking > 0)
            return $"{truth.Asking} programs aren't answered";
        foreach (var user in users)
        {
            // It would neither look nor leave.
            if (user.Process.PausedUntil > world.Now)
                return $"{user.Name}'s device stands still";
            foreach (var id in ids)
            {
                if (!user.Open.TryGetValue(id, out var document))
                    return $"{user.Name} doesn't have {id} open";
                var state = document.Document.State;
                if (truth.Documents[id].IsDeleted)
                {
                    if (state.Kind != SyncStateKind.Refused)
                        return $"{user.Name} is {state.Kind} in {id}, which was deleted";
                    continue;
                }

                if (state.Kind != SyncStateKind.Live || state.Unsaved > 0)
                    return $"{user.Name} is {state.Kind} in {id}, with {state.Unsaved} edits unsaved";
                if (document.Document.Version != truth.Documents[id].Head)
                    return $"{user.Name} has version {document.Document.Version} of {id}, the head is {truth.Documents[id].Head}";
                var others = document.Document.Presence.Select(static entry => entry.User.Name).Order(StringComparer.Ordinal).ToList();
                var expected = users.Where(other => other != user).Select(static other => other.Name).Order(StringComparer.Ordinal).ToList();
                if (!others.SequenceEqual(expected))
                    return $"{user.Name} sees {string.Join(", ", others)} in {id} instead of {string.Join(", ", expected)}";
            }
        }

        foreach (var gateway in cluster.Running)
        {
            if (ids.FirstOrDefault(id => truth.Documents[id].IsDeleted && gateway.Documents.Find(id) is { HasSessions: true }) is { } dead)
                return $"{gateway.Name} still serves {dead}, which was deleted";
        }

        return Disagreement();
    }

    private void CheckGateways(string id)
    {
        foreach (var gateway in cluster.Running)
        {
            if (gateway.Documents.Find(id)?.ReadHead() is var (version, state))
                truth.Shown(gateway.Name, id, version, state);
        }
    }

    private void CheckIntentions(string id)
    {
        var (_, intentions) = documents[id];
        if (users[0].Open[id] is EditedText text)
        {
            intentions.Check(text.Items(), inOrder: true);
            return;
        }

        var content = (JsonObject)users[0].Open[id].Document.ReadJson()!;
        intentions.Check([.. ((JsonArray)content["list"]!).Select(static item => (string)item!)], inOrder: false);
        var count = (int)content["count"]!;
        var least = intentions.Edits.Where(static edit => edit.Fate == EditFate.Saved).Sum(static edit => edit.Added);
        var most = least + intentions.Edits.Where(static edit => edit.Fate == EditFate.Unknown).Sum(static edit => edit.Added);
        if (count < least || count > most)
            world.Fail("intention", $"{id} counts {count}; what was added comes to between {least} and {most}.");
    }

    // Everybody sees everybody's caret in the same place; else who doesn't.
    private string? Disagreement()
    {
        foreach (var id in ids.Where(id => !truth.Documents[id].IsDeleted))
        {
            foreach (var shown in users)
            {
                var seen = users.Where(user => user != shown)
                    .Select(user => user.Open[id].Document.Presence.FirstOrDefault(entry => entry.ClientId == shown.Client.ClientId))
                    .Select(static entry => (entry?.Selection, entry?.State)).Distinct().ToList();
                if (seen.Count > 1)
                    return $"the others see {shown.Name} in {id} at {string.Join(" and at ", seen)}";
            }
        }

        return null;
    }

    private void CheckLeftovers()
    {
        foreach (var user in users)
            user.Leave();
        world.RunUntil(world.Now + _leaving.Ticks);
        foreach (var gateway in cluster.Running)
        {
            if (gateway.Documents.Count > 0)
                world.Fail("leak", $"{gateway.Name} still has {gateway.Documents.Count} documents in memory when nobody is there.");
            if (gateway.Connections > 0)
                world.Fail("leak", $"{gateway.Name} still has {gateway.Connections} connections when nobody is there.");
            if (gateway.Fanout.Channels > 1)
                world.Fail("leak", $"{gateway.Name} still listens to {gateway.Fanout.Channels - 1} documents when nobody is there.");
            if (gateway.Process.Clock.ArmedTimers > TimersAtRest)
                world.Fail("leak", $"{gateway.Name} still has {gateway.Process.Clock.ArmedTimers} timers when nobody is there.");
        }

        foreach (var user in users)
        {
            user.CheckOutbox();
            if (user.Process.Clock.ArmedTimers > 0)
                world.Fail("leak", $"{user.Name} has closed the client, and {user.Process.Clock.ArmedTimers} timers are still set.");
        }
    }
}
