// One of the programs that a cluster is made of, whichever it is.

using CloudSync.Cluster.Parts;

namespace CloudSync.Cluster;

/// <summary>A part of a cluster, whether it runs or not.</summary>
public abstract class ClusterPart
{
    /// <summary>For example "redis-2".</summary>
    public required string Name { get; init; }

    /// <summary>Those of one stage are started at the same time, after all of the stage before.</summary>
    public required int Stage { get; init; }

    /// <summary>Where it listens, on this machine.</summary>
    public required int Port { get; init; }

    /// <summary>Where it is found, as a URL without a password.</summary>
    public required string Address { get; init; }

    /// <summary>Where it keeps its log and its process ids.</summary>
    public required string Folder { get; init; }

    /// <summary>The names that its processes were started under: for most parts one, its own.</summary>
    public required IReadOnlyList<string> ProcessNames { get; init; }

    /// <summary>The version of its program.</summary>
    public required Func<CancellationToken, Task<string>> ReadVersionAsync { get; init; }

    /// <summary>Null if it doesn't run.</summary>
    public abstract ServerProcess? Process { get; }

    /// <summary>
    /// The ids of processes that live on though the part has died: somebody has killed just the one that it is known by.
    /// </summary>
    public IReadOnlyList<int> LeftBehind() =>
        Process is null ? [.. ProcessNames.SelectMany(name => ServerProcess.AllOf(name, Folder))] : [];

    /// <summary>Ends them.</summary>
    public async Task EndLeftBehindAsync()
    {
        if (Process is not null)
            return;
        foreach (var name in ProcessNames)
            await ServerProcess.EndAllAsync(name, Folder);
    }

    public abstract Task StartAsync(CancellationToken cancellationToken);

    /// <summary>Starts again what it needs besides, if that has ended while it goes on.</summary>
    /// <returns>Whether something had ended.</returns>
    public abstract Task<bool> CompleteAsync(CancellationToken cancellationToken);

    /// <summary>Asks it to end. If it doesn't run, ends what it has left behind.</summary>
    public abstract Task StopAsync();

    /// <summary>Ends it at once, as if its machine had died. If it doesn't run, ends what it has left behind.</summary>
    public abstract Task KillAsync();

    /// <summary>How it is. It runs.</summary>
    public abstract Task<PartCondition> LookAsync(CancellationToken cancellationToken);
}

/// <summary>A part whose program is this kind of server.</summary>
public sealed class ClusterPart<TServer> : ClusterPart
    where TServer : class
{
    private TServer? _server;

    /// <summary>Finds one that runs already.</summary>
    public required Func<TServer?> Find { get; init; }

    public required Func<CancellationToken, Task<TServer>> Start { get; init; }

    public Func<TServer, CancellationToken, Task<bool>>? Complete { get; init; }

    public required Func<TServer, Task> Stop { get; init; }

    public required Func<TServer, Task> Kill { get; init; }

    public required Func<TServer, ServerProcess> ProcessOf { get; init; }

    public required Func<TServer, CancellationToken, Task<PartCondition>> Look { get; init; }

    /// <summary>Null if it doesn't run.</summary>
    public TServer? Server
    {
        get
        {
            if (_server is null || !ProcessOf(_server).IsRunning)
                _server = Find();
            return _server;
        }
    }

    public override ServerProcess? Process => Server is { } server ? ProcessOf(server) : null;

    public override async Task StartAsync(CancellationToken cancellationToken) => _server = await Start(cancellationToken);

    public override Task<bool> CompleteAsync(CancellationToken cancellationToken) =>
        Server is { } server && Complete is not null ? Complete(server, cancellationToken) : Task.FromResult(false);

    public override Task StopAsync() => Server is { } server ? Stop(server) : EndLeftBehindAsync();

    public override Task KillAsync() => Server is { } server ? Kill(server) : EndLeftBehindAsync();

    public override Task<PartCondition> LookAsync(CancellationToken cancellationToken) =>
        Server is { } server ? Look(server, cancellationToken) : Task.FromResult(new PartCondition(false, "down"));
}

/// <summary>How a part is.</summary>
/// <param name="IsWell">Whether nothing has to be done about it.</param>
/// <param name="Details">What there is to say, for people.</param>
/// <param name="Values">The same for programs.</param>
public sealed record PartCondition(bool IsWell, string Details, IReadOnlyDictionary<string, object>? Values = null);
