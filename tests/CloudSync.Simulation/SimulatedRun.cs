// One run: a world with gateways, people and parts, the plan carried out in it, and at the end the question whether all is well.

using System.Buffers;
using System.Text;
using System.Text.Json.Nodes;
using CloudSync.Log;
using CloudSync.Operations;
using CloudSync.Simulation.Actors;
using CloudSync.Simulation.Checking;
using CloudSync.Simulation.Network;
using CloudSync.Simulation.Parts;
using CloudSync.Simulation.Plan;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation;

/// <summary>What has come of a run.</summary>
/// <param name="Violation">The promise that was broken; null if none was.</param>
/// <param name="Edits">Edits that people made.</param>
/// <param name="Operations">Operations that were committed.</param>
/// <param name="Faults">How often something went wrong.</param>
/// <param name="Divergences">How often an operation was committed otherwise than its client had foreseen, and was followed.</param>
/// <param name="QuietAfter">How long it took after the last fault until all was quiet and equal.</param>
/// <param name="Reached">The rare paths that were taken.</param>
/// <param name="Steps">Steps of the simulation.</param>
/// <param name="Hash">Of everything that happened.</param>
internal sealed record RunResult(
    Violation? Violation, int Edits, long Operations, int Faults, int Divergences, TimeSpan QuietAfter, Reached Reached, long Steps, ulong Hash);

internal sealed class SimulatedRun : IDisposable
{
    // With three bytes each, half as much again as what an outbox keeps with the edits.
    private const int LongText = 2_000;

    private const int LargeEmbeds = 3;

    /// <summary>So many at once are a storm, where so few are let in.</summary>
    public const int Crowd = 20;

    // A document that has left memory may have to be read first, when its turn comes.
    private static readonly TimeSpan _neighbourWaits = TimeSpan.FromSeconds(3);

    private const long StepsMax = 20_000_000;

    private readonly RunPlan _plan;
    private readonly Truth _truth;
    private readonly Line[] _lines;
    private readonly GatewayParts _parts;
    private readonly Cluster _cluster;
    private readonly SimulatedUser[] _users;
    private readonly string[] _ids;
    private readonly Dictionary<string, (DocumentType Type, Intentions Intentions)> _documents = new(StringComparer.Ordinal);
    private readonly Stage _stage;

    public SimulatedRun(RunPlan plan, Action<string>? listener = null)
    {
        _plan = plan;
        World = new(Seed(1), StepsMax) { Listener = listener };
        _truth = new(World);
        var database = new Database(World, _truth, new Random(Seed(2)));
        var names = new Random(Seed(6));
        _parts = new(
            World, database, new FanoutBus(World, new Random(Seed(3))), new SimulatedCache(World, new Random(Seed(4))), Options(), plan.AppendsAtOnce,
            new PolledTraffic(World, new Random(Seed(7))), () => (ulong)names.NextInt64(1, long.MaxValue));
        _ids = [.. plan.Documents.Select(static (type, i) => $"document-{i}")];
        var alphabet = new Alphabet();
        for (var i = 0; i < _ids.Length; i++)
        {
            _documents.Add(_ids[i], (plan.Documents[i], new Intentions(World, _ids[i])));
            Create(_ids[i], plan.Documents[i], alphabet);
        }

        _cluster = new Cluster(_parts, plan.Gateways, new Random(Seed(5)));
        var people = new People(World, _truth, alphabet, _documents, plan.AreLong, plan.AreLarge, plan.Users >= Crowd, _parts.Polled, _cluster);
        _lines = [.. Enumerable.Range(0, plan.Users).Select(i => new Line(World, new Random(Seed(100 + i)), plan.Blocks[i]))];
        // What is large is on its way for long to some.
        foreach (var line in _lines.Where((_, i) => plan.AreLarge && i % 2 == 0))
            line.BytesPerSecond = 400_000;
        _users = [.. Enumerable.Range(0, plan.Users).Select(i => new SimulatedUser(
            people, $"user-{i}", _lines[i], i < plan.Outboxes ? new SimulatedDisk(new Random(Seed(300 + i))) : null,
            plan.Transports[i], new Random(Seed(200 + i))))];
        _stage = new(World, _parts, _cluster, _users, people, _ids, _documents, alphabet, _truth);
    }

    public SimulatedWorld World { get; }

    public RunResult Run()
    {
        foreach (var user in _users)
        {
            foreach (var id in _ids)
                user.Do(() => user.OpenDocument(id));
        }

        foreach (var action in _plan.Actions)
            World.At(SimulatedWorld.Start + action.At.Ticks, () => _stage.Play(action));
        if (_plan.HasNeighbour)
            CheckNeighbour();
        World.RunUntil(SimulatedWorld.Start + _plan.Lasts.Ticks);
        _stage.Heal();
        var healed = World.Now;
        var aftermath = new Aftermath(World, _truth, _cluster, _users, _ids, _documents);
        if (World.Violation is null)
            aftermath.AwaitQuiet();
        var quietAfter = TimeSpan.FromTicks(World.Now - healed);
        if (World.Violation is null)
            aftermath.Check();
        return new(
            World.Violation, _users.Sum(static user => user.Edits), _truth.Operations, _plan.Actions.Count(static action => action.IsFault),
            _users.Sum(static user => user.Divergences), quietAfter, World.Reached, World.Steps, World.Hash.Value);
    }

    public void Dispose() => _cluster.Dispose();

    // That others read nothing is nothing to somebody who does.
    private void CheckNeighbour()
    {
        foreach (var (id, document) in _users[0].Open)
        {
            if (document.Waits > _neighbourWaits)
                World.Fail("held up", $"{_users[0].Name}'s edits in {id} have waited for {document.Waits.TotalSeconds:0.0} s, while others read nothing.");
        }

        if (World.Elapsed < _plan.Lasts)
            World.After(TimeSpan.FromSeconds(0.5), CheckNeighbour);
    }

    private int Seed(int of) => RunPlan.HashCode(_plan.Seed, of);

    private void Create(string id, DocumentType type, Alphabet alphabet)
    {
        var at = new DateTimeOffset(2029, 1, 1, 0, 0, 0, TimeSpan.Zero);
        _parts.Database.Create(new NewDocument(id, type.Name, id, at, ""));
        var beginning = type == DocumentType.Json ? BeginBoard() : _plan.AreLong ? BeginText(id, alphabet)
            : _plan.AreLarge && type == DocumentType.RichText ? BeginLarge(id, alphabet) : default;
        if (!beginning.IsEmpty)
            _parts.Database.Append(new(id, 0, [new(1, 1, 0, "", at, beginning)]));
    }

    private static ReadOnlyMemory<byte> BeginBoard()
    {
        var creation = new ArrayBufferWriter<byte>();
        DocumentType.Json.EncodeCreation(Encoding.UTF8.GetBytes(EditedBoard.Beginning), creation);
        return creation.WrittenMemory;
    }

    private ReadOnlyMemory<byte> BeginText(string id, Alphabet alphabet)
    {
        var edit = _documents[id].Intentions.Begin();
        edit.Fate = EditFate.Saved;
        var text = new StringBuilder();
        while (text.Length < LongText && alphabet.Next() is { } next)
        {
            _documents[id].Intentions.Insert(edit, next.ToString(), null, null);
            text.Append(next);
        }

        return Delta.Build().Insert(text.ToString()).ToDelta().Bytes;
    }

    // Of a few embeds that are large, so that all else about it costs as little as ever.
    private ReadOnlyMemory<byte> BeginLarge(string id, Alphabet alphabet)
    {
        var edit = _documents[id].Intentions.Begin();
        edit.Fate = EditFate.Saved;
        var random = new Random(Seed(8));
        var content = Delta.Build();
        for (var i = 0; i < LargeEmbeds; i++)
        {
            var embed = EditedText.MakeLarge(alphabet.Next()!.Value, random);
            _documents[id].Intentions.Insert(edit, embed, null, null);
            content.InsertEmbed(new JsonObject { ["image"] = embed });
        }

        return content.ToDelta().Bytes;
    }

    // As they are by default, but quicker, so that a minute sees all of it.
    private static CloudSyncOptions Options() => new()
    {
        HeartbeatInterval = TimeSpan.FromSeconds(4),
        HeartbeatTimeout = TimeSpan.FromSeconds(9),
        SendTimeout = TimeSpan.FromSeconds(6),
        DrainWindow = TimeSpan.FromSeconds(2),
        DocumentIdleTimeout = TimeSpan.FromSeconds(3),
        HeadCheckInterval = TimeSpan.FromSeconds(5),
        PresenceLease = TimeSpan.FromSeconds(6),
        ResumeWindow = TimeSpan.FromSeconds(4),
        // So few that it matters when everybody comes back at once.
        Limits = { ConnectionsPerSecond = 4, DocumentLoadsPerSecond = 4 },
        SnapshotOperations = 50,
        HistoryTailOperations = 60,
        HistoryPackOperations = 100,
    };
}
