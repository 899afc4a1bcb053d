// A person at a device: the production client over a simulated line.

using CloudSync.Client;
using CloudSync.Operations;
using CloudSync.Simulation.Checking;
using CloudSync.Simulation.Network;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Actors;

/// <summary>What all people share.</summary>
/// <param name="World">Where they live.</param>
/// <param name="Truth">What is true.</param>
/// <param name="Alphabet">What they type.</param>
/// <param name="Documents">The documents there are: their types, and what people mean in them.</param>
/// <param name="Choose">Chooses a gateway for an address, as the load balancer does.</param>
internal sealed record People(
    SimulatedWorld World, Truth Truth, Alphabet Alphabet, IReadOnlyDictionary<string, (DocumentType Type, Intentions Intentions)> Documents,
    Func<Uri, SimulatedGateway?> Choose);

internal sealed class SimulatedUser
{
    private readonly People _people;
    private readonly Random _random;
    private readonly Dictionary<string, EditedDocument> _open = new(StringComparer.Ordinal);
    private readonly double _clockRate;
    private int _devices;

    public SimulatedUser(People people, string name, Line line, Random random)
    {
        (_people, Name, Line, _random) = (people, name, line, random);
        _clockRate = 1 + ((random.NextDouble() - 0.5) / 50);
        Start();
    }

    public string Name { get; }

    public Line Line { get; }

    public SimulatedWorld World => _people.World;

    public Truth Truth => _people.Truth;

    public Alphabet Alphabet => _people.Alphabet;

    public SimulatedProcess Process { get; private set; } = null!;

    public CloudSyncClient Client { get; private set; } = null!;

    public IReadOnlyDictionary<string, EditedDocument> Open => _open;

    public int Edits { get; private set; }

    public int Divergences => _open.Values.Sum(static document => document.Document.Edits?.Divergences ?? 0);

    public void Edited() => Edits++;

    /// <summary>Does something at the device.</summary>
    public void Do(Action act)
    {
        if (Process.IsAlive && Process.PausedUntil <= World.Now)
            Process.Run(static act => ((Action)act!)(), act);
    }

    public void OpenDocument(string id)
    {
        if (_open.ContainsKey(id))
            return;
        var (type, intentions) = _people.Documents[id];
        var document = Client.Open(id);
        _open.Add(id, type == DocumentType.Json
            ? new EditedBoard(this, document, intentions)
            : new EditedText(this, document, intentions, type == DocumentType.RichText));
    }

    /// <summary>Closes a document when all in it is saved: who closes it before loses the rest, and knows.</summary>
    public void CloseDocument(string id)
    {
        if (!_open.TryGetValue(id, out var document) || document.Unsaved > 0)
            return;
        document.Document.Dispose();
        _open.Remove(id);
    }

    public void Edit(string id, Random random)
    {
        if (_open.TryGetValue(id, out var document))
            document.Edit(random);
    }

    public void Select(string id, Random random)
    {
        if (_open.TryGetValue(id, out var document))
            document.Select(random);
    }

    /// <summary>The program ends without a word, and begins again as another client.</summary>
    public void Restart()
    {
        Process.Kill();
        var ids = _open.Keys.ToList();
        foreach (var document in _open.Values)
            document.Abandon();
        _open.Clear();
        Start();
        foreach (var id in ids)
            Do(() => OpenDocument(id));
    }

    /// <summary>Leaves for good.</summary>
    public void Leave() => Do(() =>
    {
        Client.Dispose();
        _open.Clear();
    });

    private void Start()
    {
        Process = new(World, $"{Name}/{++_devices}", TimeSpan.FromSeconds(_random.Next(-90_000, 90_000)), _clockRate);
        var options = new CloudSyncClientOptions
        {
            User = new(Name, Name, "#336699"),
            ClientId = (ulong)_random.NextInt64(1, long.MaxValue),
            Clock = Process.Clock,
            Random = _random,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            BackoffMax = TimeSpan.FromSeconds(5),
            // Moving what can be undone costs as much as all the rest.
            UndoSteps = _random.Next(2) == 0 ? 0 : 6,
        };
        options.TransportFactory = address => new SimulatedConnection(Process, Line, () => _people.Choose(address), Received);
        Process.Run(_ => Client = new CloudSyncClient(new Uri("ws://cloudsync/sync"), options), null);
    }

    private void Received()
    {
        foreach (var document in _open.Values)
            document.Compare();
    }
}
