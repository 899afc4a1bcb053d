// A whole cluster on this machine: started in order, looked at, changed in size, stopped in order. The launcher uses it for
// one that goes on by itself, tests for one that ends with them.

using System.Diagnostics;
using CloudSync.Cluster.Parts;

namespace CloudSync.Cluster;

/// <summary>A cluster in a folder. One at a time works in it.</summary>
public sealed partial class LocalCluster : IAsyncDisposable
{
    // EWOULDBLOCK: somebody else has the lock.
    private const int WouldBlock = 11;

    private const UnixFileMode FolderMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private readonly ClusterOptions _options;
    private readonly FileStream? _lock;
    private readonly bool _madeFolder;
    private readonly Dictionary<string, ClusterPart> _parts = [];

    private LocalCluster(ClusterOptions options, ClusterState state, FileStream? @lock, bool madeFolder) =>
        (_options, State, _lock, _madeFolder) = (options, state, @lock, madeFolder);

    public ClusterState State { get; private set; }

    /// <summary>Where it is kept.</summary>
    public string Folder => _options.Folder;

    /// <summary>Where browsers and clients find it.</summary>
    public Uri Address => new($"http://localhost:{State.Port}/");

    /// <summary>All parts, in the order in which they are started.</summary>
    public IReadOnlyList<ClusterPart> Parts => CreateParts();

    /// <summary>The cluster in a folder; null if there is none, unless it is to be made.</summary>
    /// <param name="options">Where, and how one that is made is to be.</param>
    /// <param name="create">Make it if there is none; nothing is started, and nothing kept before something is.</param>
    /// <param name="change">False to look only: then others may be at work in it.</param>
    /// <exception cref="ClusterBusyException">Another one is at work in it.</exception>
    /// <exception cref="ServerStartException">Its folder can't be made, or its state can't be read.</exception>
    public static LocalCluster? Open(ClusterOptions options, bool create, bool change = true)
    {
        options = options with { Folder = Path.GetFullPath(options.Folder) };
        if (!create && !File.Exists(ClusterState.FileIn(options.Folder)))
            return null;
        FileStream? @lock = null;
        try
        {
            var makeFolder = !Directory.Exists(options.Folder);
            Directory.CreateDirectory(options.Folder);
            // Users that parts run as must get through, whatever the umask is. What is secret in it has its own rights.
            if (makeFolder)
                File.SetUnixFileMode(options.Folder, FolderMode);
            if (change)
                @lock = new FileStream(LockIn(options.Folder), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            var state = ClusterState.Read(options.Folder) ?? ClusterState.Create(
                options.Port == 0 ? ClusterOptions.DefaultPort : options.Port,
                options.Gateways == 0 ? ClusterOptions.DefaultGateways : options.Gateways) with
            {
                Settings = options.Settings,
            };
            return new LocalCluster(options, state, @lock, makeFolder);
        }
        catch (IOException exception) when (exception.HResult == WouldBlock)
        {
            throw new ClusterBusyException(options.Folder);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            @lock?.Dispose();
            throw new ServerStartException($"--data: the folder '{options.Folder}' can't be used: {exception.Message}");
        }
        catch
        {
            @lock?.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Starts what doesn't run. A part that can't be started doesn't keep the others from it; whoever is interrupted stops what
    /// he has started.
    /// </summary>
    /// <param name="started">Told of each part that it has started.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>How many it started; 0 if all ran.</returns>
    /// <exception cref="ClusterUsageException">Another port or number of gateways was asked for than runs.</exception>
    /// <exception cref="ServerStartException">Nothing can be started as things are; says why.</exception>
    /// <exception cref="PartStartException">Parts didn't start; says which and why.</exception>
    public async Task<int> StartAsync(Action<ClusterPart, TimeSpan>? started, CancellationToken cancellationToken)
    {
        // Of an earlier life: it would hold the ports.
        foreach (var part in Parts)
            await part.EndLeftBehindAsync();
        await AdaptAsync(cancellationToken);
        var mine = new List<ClusterPart>();
        var count = 0;
        var failed = new List<(ClusterPart Part, string Reason)>();
        try
        {
            foreach (var stage in Parts.GroupBy(static part => part.Stage))
            {
                // All are waited for, whatever happens to one: what has started may have to be stopped.
                var starting = stage.Select(part => StartPartAsync(part)).ToArray();
                await Task.WhenAll(starting);
            }
        }
        catch
        {
            foreach (var part in mine.OrderByDescending(static part => part.Stage))
                await part.StopAsync();
            throw;
        }

        if (failed.Count == 0 && !mine.Any(part => part.Name == State.Standby))
            await RequireSynchronousStandbyAsync(cancellationToken);
        return failed.Count == 0 ? count : throw new PartStartException(failed);

        async Task StartPartAsync(ClusterPart part)
        {
            var time = Stopwatch.StartNew();
            try
            {
                if (part.Process is not null)
                {
                    if (await part.CompleteAsync(cancellationToken))
                        Count(part, time, stop: false);
                    return;
                }

                await part.StartAsync(cancellationToken);
            }
            catch (Exception exception) when (
                exception is ServerStartException or IOException or UnauthorizedAccessException or System.ComponentModel.Win32Exception)
            {
                lock (mine)
                    failed.Add((part, exception.Message));
                return;
            }

            Count(part, time, stop: true);
        }

        void Count(ClusterPart part, Stopwatch time, bool stop)
        {
            lock (mine)
            {
                count++;
                if (stop)
                    mine.Add(part);
                started?.Invoke(part, time.Elapsed);
            }
        }
    }

    /// <summary>
    /// Changes the number of gateways. New ones are taken into the rotation when they are ready; those that go are taken out
    /// of it first, and then commit what they were sent and tell their clients to come back.
    /// </summary>
    /// <param name="count">1 to <see cref="ClusterOptions.GatewaysMax"/>.</param>
    /// <param name="changed">Told of each gateway that has come or gone.</param>
    /// <param name="cancellationToken">Gives up between two steps.</param>
    public async Task ScaleAsync(int count, Action<ClusterPart, bool>? changed, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, ClusterOptions.GatewaysMax);
        if (Nginx.Server is not { } nginx)
            throw new ClusterUsageException("The cluster doesn't run; `./cloudsync cluster up` starts it.");
        var leaving = Gateways.Skip(count).ToArray();
        var next = State.WithGateways(count);
        var coming = next.Gateways.Skip(State.Gateways.Count).ToArray();
        if (coming.Length > 0)
            Save(next);
        foreach (var gateway in coming)
        {
            var part = Gateway(gateway);
            await part.StartAsync(cancellationToken);
            changed?.Invoke(part, true);
        }

        await nginx.LeadToAsync(GatewayPorts(next), cancellationToken);
        // Known until it has ended: whatever happens now, it is in the list of what runs.
        foreach (var part in leaving)
        {
            await part.StopAsync();
            changed?.Invoke(part, false);
        }

        Save(next);
        // Its log was all that it had, and its name doesn't come again.
        foreach (var part in leaving)
        {
            _parts.Remove(part.Name);
            if (Directory.Exists(part.Folder))
                Directory.Delete(part.Folder, recursive: true);
        }
    }

    /// <summary>Stops everything: those that serve first, then what they use. The data stays.</summary>
    /// <param name="stopped">Told of each part that it has stopped.</param>
    public async Task StopAsync(Action<ClusterPart>? stopped)
    {
        foreach (var stage in Parts.GroupBy(static part => part.Stage).OrderByDescending(static stage => stage.Key))
        {
            await Task.WhenAll(stage.Select(async part =>
            {
                // One that was killed is stopped too: what it has left behind would go on.
                var ran = part.Process is not null || part.LeftBehind().Count > 0;
                await part.StopAsync();
                if (ran)
                    stopped?.Invoke(part);
            }));
        }
    }

    /// <summary>Removes everything that it has kept. It is stopped.</summary>
    public void Delete()
    {
        _lock?.Dispose();
        Directory.Delete(_options.Folder, recursive: true);
    }

    /// <summary>Ends one that isn't detached.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_options.Detached)
        {
            foreach (var part in Parts.Reverse())
                await part.KillAsync();
        }

        if (_lock is not null)
            await _lock.DisposeAsync();
        // It was not to be: no trace of it is left.
        if (_lock is null || !Directory.Exists(Folder) || File.Exists(ClusterState.FileIn(Folder)))
            return;
        File.Delete(LockIn(Folder));
        if (_madeFolder && !Directory.EnumerateFileSystemEntries(Folder).Any())
            Directory.Delete(Folder);
    }

    private static string LockIn(string folder) => Path.Combine(folder, "cluster.lock");

    private void Save(ClusterState state)
    {
        state.Write(_options.Folder);
        State = state;
    }

    // What is asked for beside what there is.
    private async Task AdaptAsync(CancellationToken cancellationToken)
    {
        var running = Parts.Any(static part => part.Process is not null);
        if (_options.Port != 0 && _options.Port != State.Port)
        {
            if (Nginx.Process is not null)
                throw new ClusterUsageException($"The cluster runs on port {State.Port}; for another, stop it first (cluster down).");
            Save(State with { Port = _options.Port });
            _parts.Clear();
        }

        if (_options.Gateways != 0 && _options.Gateways != State.Gateways.Count)
        {
            if (running)
                throw new ClusterUsageException($"The cluster has {Words.Count(State.Gateways.Count, "gateway")}; `./cloudsync cluster scale {_options.Gateways}` changes that.");
            Save(State.WithGateways(_options.Gateways));
        }

        // If others run, the rest of them is started, and this is said of NGINX.
        if (!running && await ServerProcess.ListensAsync(State.Port, cancellationToken))
            throw new ServerStartException($"Port {State.Port} is in use. Give another one with --port.");
        // While it was down, somebody may have taken a port of its. Nobody has to know them but the cluster itself.
        if (!running)
        {
            await PostgresServer.CheckReachAsync(Folder, cancellationToken);
            Save(await State.WithFreePortsAsync(cancellationToken));
            _parts.Clear();
        }
    }
}
