// Who loses the connection and comes back on another gateway is seen by nobody to leave, whatever became of the first.

using CloudSync.Client;
using CloudSync.Operations;
using CloudSync.Tests.Shared;
using Xunit;

namespace CloudSync.Redis.Tests.Presence;

public sealed class ResumeTests(Servers servers) : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();
    private readonly List<LiveGateway> _gateways = [];
    private LiveGateway _first = null!;
    private LiveGateway _second = null!;
    private CuttableLine _line = null!;

    public async ValueTask InitializeAsync()
    {
        _first = await StartAsync();
        _second = await StartAsync();
        await _first.BecomesAsync(healthy: true);
        await _second.BecomesAsync(healthy: true);
        await _first.Documents.CreateAsync(
            "d", "text", "Title", "", Delta.FromPlainText("hello").Bytes, TestContext.Current.CancellationToken);
        _line = new CuttableLine(_first.Port);
    }

    public async ValueTask DisposeAsync()
    {
        _line.Dispose();
        foreach (var gateway in _gateways)
            await gateway.DisposeAsync();
        _directory.Dispose();
    }

    // Long enough for a client to be back on a machine that does ten other things.
    private async Task<LiveGateway> StartAsync()
    {
        var gateway = await LiveGateway.StartAsync(
            _directory.File("log.db"), [servers.First.ConnectionString, servers.Second.ConnectionString],
            static options =>
            {
                options.ResumeWindow = TimeSpan.FromSeconds(6);
                options.PresenceLease = TimeSpan.FromSeconds(9);
            },
            redis => redis.Prefix = Path.GetFileName(_directory.Path) + ":");
        _gateways.Add(gateway);
        return gateway;
    }

    [Fact]
    public async Task Who_comes_back_on_another_gateway_stays_as_he_was_and_what_he_typed_meanwhile_is_saved()
    {
        using var counted = new Counted(_first.Get<IServiceProvider>());
        using var bob = await _first.JoinAsync("d", "Bob");
        using var eve = await _second.JoinAsync("d", "Eve");
        using var ada = await _first.JoinAsync("d", "Ada", _line);
        ada.Document.SetSelection(new Selection(3, 3));
        using var atBobs = await SeenAsync(bob, 3);
        using var atEves = await SeenAsync(eve, 3);
        _line.Port = _second.Port;
        _line.Cut();
        ada.Type("while away ");
        _line.Mend();
        await ada.Document.WhenSavedAsync();
        await bob.ReadsAsync("while away hello");
        await eve.ReadsAsync("while away hello");
        // The first gateway gives it up, and says so.
        await counted.UntilAsync("cloudsync.presence.lapsed", 1);
        using var later = await _first.JoinAsync("d", "Later");
        await bob.SeesAsync(() => bob.Sees("Later"), "Later");
        await eve.SeesAsync(() => eve.Sees("Later"), "Later");
        Assert.Equal((0, 0), (atBobs.Departures, atEves.Departures));
        Assert.Equal(14, atBobs.Ada!.Selection!.Value.Focus);
        Assert.Equal(14, atEves.Ada!.Selection!.Value.Focus);
    }

    [Fact]
    public async Task Who_comes_back_elsewhere_when_his_gateway_dies_is_not_seen_to_leave_when_its_lease_ends()
    {
        using var eve = await _second.JoinAsync("d", "Eve");
        using var gil = await _first.JoinAsync("d", "Gil");
        using var ada = await _first.JoinAsync("d", "Ada", _line);
        ada.Document.SetSelection(new Selection(3, 3));
        using var atEves = await SeenAsync(eve, 3);
        await eve.SeesAsync(() => eve.Sees("Gil"), "Gil");
        _line.Port = _second.Port;
        _line.Cut();
        _gateways.Remove(_first);
        await _first.DisposeAsync();
        _line.Mend();
        // Gil has nowhere to go.
        await eve.SeesAsync(() => !eve.Sees("Gil"), "Gil to be gone");
        Assert.Equal(0, atEves.Departures);
        Assert.Equal(3, atEves.Ada!.Selection!.Value.Focus);
    }

    [Fact]
    public async Task Who_is_told_to_move_is_not_seen_to_leave_and_who_leaves_is_at_once()
    {
        using var eve = await _second.JoinAsync("d", "Eve");
        var ada = await _first.JoinAsync("d", "Ada", _line);
        ada.Document.SetSelection(new Selection(3, 3));
        using (var atEves = await SeenAsync(eve, 3))
        {
            using var counted = new Counted(_second.Get<IServiceProvider>());
            _line.Port = _second.Port;
            await _first.DrainAsync();
            await counted.UntilAsync("cloudsync.gateway.connections.opened", 1);
            ada.Type("moved ");
            await ada.Document.WhenSavedAsync();
            await eve.ReadsAsync("moved hello");
            Assert.Equal(0, atEves.Departures);
        }

        ada.Dispose();
        await eve.SeesAsync(() => !eve.Sees("Ada"), "Ada to be gone");
    }

    private static async Task<Screen> SeenAsync(Person viewer, int at)
    {
        var screen = new Screen(viewer);
        await viewer.SeesAsync(() => screen.Ada?.Selection?.Focus == at, $"Ada's caret at {at}");
        return screen;
    }

    /// <summary>What somebody sees of Ada, at every moment.</summary>
    private sealed class Screen : IDisposable
    {
        private readonly Person _viewer;
        private int _departures;
        private bool _seen;

        public Screen(Person viewer)
        {
            _viewer = viewer;
            viewer.Document.PresenceChanged += Look;
        }

        public int Departures => Volatile.Read(ref _departures);

        public PresenceEntry? Ada => _viewer.Document.Presence.FirstOrDefault(static entry => entry.User.Name == "Ada");

        public void Dispose() => _viewer.Document.PresenceChanged -= Look;

        private void Look()
        {
            var isThere = Ada?.Selection is not null;
            if (_seen && !isThere)
                Interlocked.Increment(ref _departures);
            _seen = isThere;
        }
    }
}
