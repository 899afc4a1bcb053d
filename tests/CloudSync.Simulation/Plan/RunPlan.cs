// A whole run, as its seed has it.

using CloudSync.Client;
using CloudSync.Operations;
using CloudSync.Simulation.Network;

namespace CloudSync.Simulation.Plan;

/// <param name="Seed">What it was made from.</param>
/// <param name="Gateways">How many gateways.</param>
/// <param name="Users">How many people.</param>
/// <param name="Outboxes">How many of them, the first ones, keep their edits on their devices.</param>
/// <param name="Transports">How their devices connect.</param>
/// <param name="Blocks">What their networks do to WebSockets, for good.</param>
/// <param name="Documents">The types of the documents.</param>
/// <param name="AreLong">Whether texts begin with so much that a content is kept apart from the edits in an outbox.</param>
/// <param name="AreLarge">Whether rich texts are so large that those who join share a snapshot's bytes.</param>
/// <param name="HasNeighbour">Whether all that goes wrong is that others than the first person read nothing for a while.</param>
/// <param name="Lasts">How long people write and things go wrong.</param>
/// <param name="AppendsAtOnce">Of the log.</param>
/// <param name="Actions">What happens, by time.</param>
internal sealed record RunPlan(
    long Seed, int Gateways, int Users, int Outboxes, IReadOnlyList<TransportKind> Transports, IReadOnlyList<WebSocketBlock> Blocks, IReadOnlyList<DocumentType> Documents, bool AreLong, bool AreLarge, bool HasNeighbour, TimeSpan Lasts, int AppendsAtOnce,
    IReadOnlyList<PlannedAction> Actions)
{
    // Edits in a minute of all people together.
    private const int EditsPerMinute = 1_000;

    // Each of them costs the more, the more people there are, and the larger the document.
    private const int EditsOfCrowd = 250;
    private const int EditsOfLarge = 300;

    private static readonly ActionKind[] _ofRequests =
        [ActionKind.MangleRequests, ActionKind.MangleRequests, ActionKind.BlockWebSockets, ActionKind.HoldAnswers];

    private static readonly ActionKind[] _storms =
        [ActionKind.BreakAllLines, ActionKind.KillGateway, ActionKind.KillAllGateways, ActionKind.DrainGateway, ActionKind.GoOffline];

    private static readonly ActionKind[] _faults =
        [.. Enum.GetValues<ActionKind>().Where(static kind => kind >= ActionKind.GoOffline)];

    /// <summary>Makes the plan of a seed.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="minutes">How long, in simulated minutes.</param>
    public static RunPlan Make(long seed, double minutes)
    {
        var random = new Random(HashCode(seed));
        var lasts = TimeSpan.FromMinutes(minutes);
        int gateways = random.Next(1, 4), users = random.Next(2, 6), outboxes = random.Next(users + 1);
        DocumentType[] types = [DocumentType.Text, DocumentType.RichText, DocumentType.Json];
        var documents = Enumerable.Range(0, random.Next(1, 4)).Select(_ => types[random.Next(types.Length)]).ToArray();

        var areLong = random.Next(6) == 0;
        var (isCrowd, areLarge) = (random.Next(24) == 0, random.Next(24) == 0);
        if (isCrowd)
            (users, outboxes, areLong, areLarge, documents) = (random.Next(SimulatedRun.Crowd, (2 * SimulatedRun.Crowd) + 1), random.Next(4), false, false, [documents[0]]);
        else if (areLarge)
            (outboxes, areLong, documents) = (random.Next(2), false, [DocumentType.RichText, .. documents.Take(1)]);
        var hasNeighbour = !isCrowd && !areLarge && random.Next(24) == 0;
        var transports = ChooseTransports(random, users);
        // Whoever finds another way there isn't helped by anything that is mended.
        WebSocketBlock[] blocks = [.. transports.Select(transport => transport == TransportKind.Auto && random.Next(3) == 0
            ? (WebSocketBlock)random.Next(1, Enum.GetValues<WebSocketBlock>().Length) : WebSocketBlock.None)];

        // Each run has some kinds of faults only, so that they meet more often in some, and are alone in others.
        var kinds = isCrowd ? _storms : _faults.Where(_ => random.Next(3) == 0).ToArray();
        // What goes wrong with requests has to meet those who make them.
        if (transports.Any(static transport => transport != TransportKind.WebSocket) && random.Next(2) == 0)
            kinds = [.. kinds, .. _ofRequests];
        if (hasNeighbour)
            kinds = [ActionKind.StopReading];
        // Over a line that carries a few hundred bytes a second a large document takes minutes.
        if (areLarge)
            kinds = [.. kinds.Where(static kind => kind != ActionKind.NarrowLine)];
        var actions = new List<PlannedAction>();
        var edits = (int)(minutes * (isCrowd ? EditsOfCrowd : areLarge ? EditsOfLarge : EditsPerMinute));
        while (edits > 0)
        {
            var count = Math.Min(edits, 1 + random.Next(40));
            edits -= count;
            Add(ActionKind.Type, users, TimeSpan.FromSeconds(0.2 + (8 * random.NextDouble())), count);
        }

        for (var i = 0; i < 20 * minutes; i++)
            Add(ActionKind.Select, users);
        for (var i = 0; i < 10 * minutes; i++)
            Add(ActionKind.ReadVersion, gateways);
        for (var i = 0; i < 6 * minutes; i++)
        {
            Add(ActionKind.CloseDocument, users);
            Add(ActionKind.OpenDocument, users);
            Add(ActionKind.EditByServer, gateways);
        }

        for (var i = 0; i < (areLarge ? 10 * minutes : random.Next(2)); i++)
            Add(ActionKind.JoinTogether, users);
        Add(ActionKind.Rename, gateways);
        // What is deleted is lost to all that could happen to it after: so there is another, and it happens in some runs only.
        if (documents.Length > 1 && !hasNeighbour && random.Next(3) == 0)
            Add(ActionKind.DeleteDocument, gateways);
        var faults = kinds.Length == 0 ? 0 : random.Next(2, 2 + (int)((isCrowd ? 8 : 30) * minutes));
        if (isCrowd)
            Add(ActionKind.BreakAllLines, 1);
        for (var i = 0; i < faults; i++)
        {
            var kind = kinds[random.Next(kinds.Length)];
            var isOfPeople = kind < ActionKind.KillGateway;
            // Short ones mostly; now and then one that outlasts every patience.
            var seconds = random.Next(6) == 0 || _ofRequests.Contains(kind) ? 20 * random.NextDouble() : 3 * random.NextDouble();
            Add(kind, isOfPeople ? users : gateways, TimeSpan.FromSeconds(seconds));
        }

        if (gateways > 1 && !hasNeighbour && lasts > TimeSpan.FromSeconds(12) && random.Next(4) == 0)
            CutOff();

        return new(
            seed, gateways, users, outboxes, transports, blocks, documents, areLong, areLarge, hasNeighbour, lasts, random.Next(1, 3), [.. actions.OrderBy(static action => action.At)]);

        // While a gateway can't reach the database others end, and people come to it: what they ask for waits there, and is given to
        // connections that may be gone by then. By chance alone this hardly ever comes together.
        void CutOff()
        {
            var length = TimeSpan.FromSeconds(2 + (10 * random.NextDouble()));
            var at = (lasts - length) * random.NextDouble();
            var gateway = random.Next(gateways);
            AddAt(at, ActionKind.CutDatabase, gateway, length);
            for (var i = 0; i < gateways; i++)
            {
                if (i != gateway)
                    AddAt(at + (length * random.NextDouble()), ActionKind.KillGateway, i, length);
            }

            ActionKind[] kinds = [ActionKind.RestartDevice, ActionKind.BreakLine, ActionKind.CloseDocument, ActionKind.OpenDocument];
            for (var i = 0; i < 3 * users; i++)
                AddAt(at + (length * random.NextDouble()), kinds[random.Next(kinds.Length)], random.Next(users), TimeSpan.Zero);
        }

        void AddAt(TimeSpan at, ActionKind kind, int who, TimeSpan length) =>
            actions.Add(new(at, kind, who, random.Next(documents.Length), length, 1, random.Next()));

        void Add(ActionKind kind, int people, TimeSpan length = default, int count = 1) => actions.Add(new(
            lasts * random.NextDouble(), kind, kind == ActionKind.StopReading && hasNeighbour ? random.Next(1, people) : random.Next(people), random.Next(documents.Length), length, count, random.Next()));
    }

    // In some runs nobody has anything but WebSockets.
    private static TransportKind[] ChooseTransports(Random random, int users)
    {
        var areMixed = random.Next(3) > 0;
        return [.. Enumerable.Range(0, users).Select(_ => !areMixed ? TransportKind.WebSocket : random.Next(6) switch
        {
            0 => TransportKind.Polling,
            1 => TransportKind.ServerSentEvents,
            2 => TransportKind.WebSocket,
            _ => TransportKind.Auto,
        })];
    }

    /// <summary>Spreads seeds that follow each other.</summary>
    public static int HashCode(long seed, int of = 0)
    {
        var hash = ((ulong)seed + ((ulong)of * 0x632BE59BD9B4E019)) * 0x9E3779B97F4A7C15;
        hash = (hash ^ (hash >> 32)) * 0xD6E8FEB86659FD93;
        return (int)((hash ^ (hash >> 32)) & int.MaxValue);
    }
}
