// A person at a device: the production client over a simulated line.

using CloudSync.Client;
using CloudSync.Operations;
using CloudSync.Simulation.Checking;
using CloudSync.Simulation.Network;
using CloudSync.Simulation.Network.Http;
using CloudSync.Simulation.Parts;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Actors;

/// <summary>What all people share.</summary>
/// <param name="World">Where they live.</param>
/// <param name="Truth">What is true.</param>
/// <param name="Alphabet">What they type.</param>
/// <param name="Documents">The documents there are: their types, and what people mean in them.</param>
/// <param name="AreLong">Whether texts are long, and long pieces are pasted.</param>
/// <param name="AreLarge">Whether large pictures are pasted.</param>
/// <param name="IsCrowd">Whether they are many.</param>
/// <param name="Polled">What goes over connections without a WebSocket.</param>
/// <param name="Cluster">The gateways, and the load balancer before them.</param>
internal sealed record People(
    SimulatedWorld World, Truth Truth, Alphabet Alphabet, IReadOnlyDictionary<string, (DocumentType Type, Intentions Intentions)> Documents,
    bool AreLong, bool AreLarge, bool IsCrowd, PolledTraffic Polled, Cluster Cluster)
{
    /// <summary>All of them.</summary>
    public List<SimulatedUser> Everybody { get; } = [];

    /// <summary>Until then nobody's presence is certain: gateways don't hear each other.</summary>
    public long TroubledUntil { get; set; }

    /// <summary>Until then gateways may wait for the log, and what they hear of others waits with them.</summary>
    public long LogTroubledUntil { get; set; }
}

/// <remarks>
/// Some keep their edits in an outbox on their device's disk, and go on with them when the program begins again. The others begin as
/// somebody else, and what wasn't acknowledged may be lost.
/// </remarks>
internal sealed class SimulatedUser
{
    // As long as the client tries it again, and then as somebody may be away.
    private static readonly TimeSpan _requestsFail = TimeSpan.FromSeconds(5);

    private readonly People _people;
    private readonly Random _random;
    private readonly Dictionary<string, EditedDocument> _open = new(StringComparer.Ordinal);
    private readonly double _clockRate;

    // With an outbox: what this device has ever made of each document, and in this life of the program the last opening of each.
    private readonly Dictionary<string, MadeEdits> _made = new(StringComparer.Ordinal);
    private readonly Dictionary<string, EditedDocument> _opened = new(StringComparer.Ordinal);
    private readonly Dictionary<string, KeptMark?> _kept = new(StringComparer.Ordinal);
    private readonly List<string> _openNext = [];
    private SimulatedOutbox? _outbox;
    private bool _quitting;
    private bool _goesOn;
    private string? _gateway;
    private long _troubledUntil;
    private int _devices;

    public SimulatedUser(People people, string name, Line line, SimulatedDisk? disk, TransportKind transport, Random random)
    {
        (_people, Name, Line, Disk, Transport, _random) = (people, name, line, disk, transport, random);
        _clockRate = 1 + ((random.NextDouble() - 0.5) / 50);
        people.Everybody.Add(this);
        Start();
    }

    public string Name { get; }

    public Line Line { get; }

    /// <summary>Where edits are kept; null if they aren't.</summary>
    public SimulatedDisk? Disk { get; }

    public bool HasOutbox => Disk is not null;

    /// <summary>How the device connects.</summary>
    public TransportKind Transport { get; }

    public SimulatedWorld World => _people.World;

    public Truth Truth => _people.Truth;

    public Alphabet Alphabet => _people.Alphabet;

    /// <summary>Whether long pieces are pasted.</summary>
    public bool PastesLong => _people.AreLong;

    /// <summary>Whether large pictures are pasted.</summary>
    public bool PastesLarge => _people.AreLarge;

    public SimulatedProcess Process { get; private set; } = null!;

    public CloudSyncClient Client { get; private set; } = null!;

    public IReadOnlyDictionary<string, EditedDocument> Open => _open;

    public int Edits { get; private set; }

    /// <summary>How often the server merged otherwise than the client where nothing but a bug can be the reason.</summary>
    public int Divergences => _open.Values.Sum(static document => document.Document.Edits is { } edits ? edits.Divergences - edits.RunDivergences : 0);

    /// <summary>How often it did for the one reason that is known and was followed: what was missed came composed.</summary>
    public int RunDivergences => _open.Values.Sum(static document => document.Document.Edits?.RunDivergences ?? 0);

    /// <summary>The connection that something was heard on last.</summary>
    public IUserConnection? Connection { get; private set; }

    /// <summary>When its client was told to come back.</summary>
    public TimesTold Times { get; private set; } = null!;

    public PolledTraffic PolledTraffic => _people.Polled;

    /// <summary>Neither what is seen here is certain just now, nor whether this person is seen.</summary>
    public bool IsTroubled => Math.Max(_troubledUntil, _people.TroubledUntil) > World.Now;

    /// <summary>That somebody has left may be heard late.</summary>
    public bool IsLogTroubled => _people.LogTroubledUntil > World.Now;

    /// <summary>Who has a client now; null if nobody has, or its program is about to end.</summary>
    public SimulatedUser? Find(ulong clientId) =>
        _people.Everybody.Find(user => user.Process.IsAlive && !user._quitting && user.Client.ClientId == clientId);

    /// <summary>The line or the device has trouble for a while, and what comes of it is over some time later.</summary>
    public void Trouble(TimeSpan lasts) => _troubledUntil = Math.Max(_troubledUntil, World.Now + lasts.Ticks);

    public void Edited() => Edits++;

    /// <summary>A request without a WebSocket has failed. The client tries again, and may be gone meanwhile without knowing it.</summary>
    public void RequestFailed() => Trouble(_requestsFail);

    /// <summary>Chooses a gateway, as a load balancer does; null: none answers.</summary>
    public SimulatedGateway? Choose(Uri address)
    {
        var gateway = _people.Cluster.Choose(address);
        if (gateway is not null && _gateway is not null && gateway.Name != _gateway)
            World.Reached.Count(Rare.Moves);
        _gateway = gateway?.Name ?? _gateway;
        return gateway;
    }

    /// <summary>Where a load balancer begins to look for a gateway for an address.</summary>
    public int PlaceOf(Uri address) => _people.Cluster.PlaceOf(address);

    /// <summary>The gateway there, counted on from place to place; null if none runs.</summary>
    public SimulatedGateway? At(int place) => _people.Cluster.Gateways[place % _people.Cluster.Gateways.Count];

    /// <summary>The client has taken a message.</summary>
    public void Received(IUserConnection connection)
    {
        if (Connection != connection)
        {
            if (Transport == TransportKind.Auto && connection is SimulatedPolls)
                World.Reached.Count(Rare.Fallbacks);
            else if (Connection is SimulatedPolls && connection is SimulatedConnection)
                World.Reached.Count(Rare.WebSocketsAgain);
            Connection = connection;
        }

        foreach (var document in _open.Values)
            document.Compare();
    }

    /// <summary>Does something at the device.</summary>
    public void Do(Action act)
    {
        if (Process.IsAlive && !_quitting && Process.PausedUntil <= World.Now)
            Process.Run(static act => ((Action)act!)(), act);
    }

    public void OpenDocument(string id)
    {
        if (_open.ContainsKey(id))
            return;
        var (type, intentions) = _people.Documents[id];
        var document = Client.Open(id);
        var made = MadeIn(id);
        EditedDocument edited = type == DocumentType.Json
            ? new EditedBoard(this, document, intentions, made)
            : new EditedText(this, document, intentions, made, type == DocumentType.RichText);
        _open.Add(id, edited);
        if (!HasOutbox)
            return;
        // What was closed in this life is as it was then; what a former life has left, as the disk has it.
        if (edited.Unsaved > 0 && _opened.ContainsKey(id))
            World.Reached.Count(Rare.OutboxReopenings);
        edited.CompareWithKept(_opened.TryGetValue(id, out var before) ? before.Mark() : _kept.GetValueOrDefault(id));
        _opened[id] = edited;
    }

    /// <summary>
    /// Closes a document. Without an outbox only when all in it is saved: who closes it before loses the rest, and knows.
    /// </summary>
    public void CloseDocument(string id)
    {
        if (!_open.TryGetValue(id, out var document) || (document.Unsaved > 0 && !HasOutbox && !document.IsRefused))
            return;
        document.Presence.Closed(_people.Everybody);
        document.Document.Dispose();
        Times.Forget(id);
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

    /// <summary>The program ends without a word.</summary>
    /// <param name="losesPower">The device does too.</param>
    public void Crash(bool losesPower)
    {
        if (!Process.IsAlive)
            return;
        Process.Kill();
        if (losesPower)
            Disk?.LosePower();
        Ended(inPeace: false);
    }

    /// <summary>The program is closed as it should be: it ends when all that it had to keep was written.</summary>
    public void Quit() => Do(() =>
    {
        _quitting = true;
        Client.Dispose();
        if (_outbox is null)
            Quitted();
        else
            _outbox.WhenIdle(Quitted);
    });

    /// <summary>The program begins again, if it isn't there; as soon as it is gone, if it is going.</summary>
    public void GoOn()
    {
        _goesOn |= _quitting;
        if (Process.IsAlive)
            return;
        Start();
        foreach (var id in _openNext)
            Do(() => OpenDocument(id));
    }

    /// <summary>Leaves for good.</summary>
    public void Leave() => Do(() =>
    {
        Client.Dispose();
        _open.Clear();
    });

    /// <summary>When all is saved and everybody has left: what the outbox has is the document, and nothing that is pending.</summary>
    public void CheckOutbox()
    {
        foreach (var id in HasOutbox ? _opened.Keys.ToArray() : [])
        {
            var name = KeptState.EditsName(id);
            var isDeleted = Truth.Documents[id].IsDeleted;
            if (Disk!.Find(name) is not { } bytes)
            {
                if (isDeleted)
                    continue;
                World.Fail("not kept", $"{Name} has left, and {id} is not in the outbox.");
                return;
            }

            var state = KeptState.Decode(name, bytes);
            if (isDeleted)
            {
                if (state.Place != ContentPlace.None)
                    World.Fail("undead", $"{Name} was told that {id} was deleted, and the outbox still has it.");
                continue;
            }

            var content = state.Place == ContentPlace.Inside ? state.Content : Disk.Find(KeptState.ContentName(id, state.Place))!;
            var edits = state.Restore(name, content);
            if (edits.Unsaved > 0)
                World.Fail("not kept", $"{Name} has left with all saved, and the outbox has {edits.Unsaved} pending edits in {id}.");
            Truth.Shown($"The outbox of {Name}", id, edits.Version, edits.Committed);
        }
    }

    private void Start()
    {
        Process = new(World, $"{Name}/{++_devices}", TimeSpan.FromSeconds(_random.Next(-90_000, 90_000)), _clockRate);
        _outbox = Disk is null ? null : new SimulatedOutbox(Process, Disk, Mark);
        var options = new CloudSyncClientOptions
        {
            User = new(Name, Name, "#336699"),
            // With an outbox the name is in there.
            ClientId = HasOutbox ? 0 : (ulong)_random.NextInt64(1, long.MaxValue),
            Outbox = _outbox,
            Clock = Process.Clock,
            Random = _random,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            BackoffMax = TimeSpan.FromSeconds(5),
            // Moving what can be undone costs as much as all the rest.
            UndoSteps = _random.Next(2) == 0 ? 0 : 6,
            Transport = Transport,
            TrialAfter = TimeSpan.FromSeconds(8),
        };
        options.TransportFactory = address => new SimulatedConnection(this, () => Choose(address));
        options.PolledTransportFactory = (address, kinds) => new SimulatedPolls(this, address, kinds, _random);
        Connection = null;
        Times = new(World, Name, _people.IsCrowd);
        Process.Run(_ => Client = new CloudSyncClient(new Uri("ws://cloudsync/sync"), options), null);
    }

    private void Quitted()
    {
        var goesOn = _goesOn;
        Process.Kill();
        Ended(inPeace: _outbox is { HasFailed: false });
        if (goesOn)
            GoOn();
    }

    // What the disk has now is what the next life begins with.
    private void Ended(bool inPeace)
    {
        (_quitting, _goesOn) = (false, false);
        _openNext.Clear();
        _openNext.AddRange(_open.Keys);
        _open.Clear();
        _opened.Clear();
        foreach (var (id, made) in _made)
        {
            if (!HasOutbox)
            {
                made.Abandon();
                continue;
            }

            _kept[id] = Disk!.FindMark(KeptState.EditsName(id));
            made.Reload(_kept[id], inPeace);
        }
    }

    private MadeEdits MadeIn(string id)
    {
        if (!_made.TryGetValue(id, out var made))
            _made.Add(id, made = new(World, $"{Name} in {id}"));
        return made;
    }

    private KeptMark? Mark(string name)
    {
        foreach (var (id, document) in _opened)
        {
            if (name == KeptState.EditsName(id))
                return document.Mark();
        }

        return null;
    }
}
