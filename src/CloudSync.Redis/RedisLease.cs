// A gateway's lease on one server: as long as it is alive, the session records that the gateway wrote there count. It is
// renewed each turn, with one command that also tells whether it was still there: a server that has forgotten it has
// forgotten the records too. Then the gateway goes on under another name, so that whoever takes away what is left of the
// old one never takes what was written since.

using System.Globalization;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace CloudSync.Redis;

internal sealed class RedisLease(
    RedisConnection server, string prefix, string gatewayId, TimeSpan length, TimeSpan timeout, TimeProvider time, ILogger logger)
{
    // After a server forgot or refused something, other gateways may need so long until all of theirs is written.
    private static readonly TimeSpan _doubt = TimeSpan.FromSeconds(5);

    // A gateway that was started again under the same name is another: what the old one wrote is not its own.
    private readonly string _instance = string.Create(CultureInfo.InvariantCulture, $"{gatewayId}.{Guid.NewGuid():N}");
    private volatile string? _name;
    private long _doubtedTimestamp;
    private int _names;
    private bool _isRefused;

    /// <summary>What the records are written under; null as long as there is no lease.</summary>
    public string? Name => _name;

    /// <summary>Whether records may be missing on the server, this gateway's or others'.</summary>
    public bool IsInDoubt =>
        Volatile.Read(ref _doubtedTimestamp) is not 0 and var since && time.GetElapsedTime(since) < _doubt;

    private bool CanBeAsked => server.Multiplexer is { IsConnected: true };

    public static RedisKey KeyOf(string prefix, string name) => $"{prefix}gateway:{name}";

    /// <summary>Something is missing, or was refused.</summary>
    public void Doubt() => Volatile.Write(ref _doubtedTimestamp, time.GetTimestamp());

    /// <summary>Renews it or takes it anew. Not to be called while records are written.</summary>
    /// <exception cref="RedisException">The server refused, or can't be reached.</exception>
    /// <exception cref="TimeoutException">It doesn't answer.</exception>
    public async Task<LeaseState> RenewAsync()
    {
        if (!CanBeAsked)
            return LeaseState.None;
        var database = server.Multiplexer!.GetDatabase();
        try
        {
            var state = await RenewAsync(database).ConfigureAwait(false);
            _isRefused = false;
            return state;
        }
        catch (RedisServerException exception)
        {
            // Such as full. What there is stays alive, which takes no memory; but nobody can add to it, so that everybody
            // who asks this server for the same knows that something may be missing.
            Doubt();
            if (!_isRefused)
                logger.RecordsRefused(server.Name, Refusal.Shorten(exception));
            _isRefused = true;
            if (_name is { } name && !await WaitAsync(database.KeyExpireAsync(KeyOf(prefix, name), length)).ConfigureAwait(false))
                _name = null;
            throw;
        }
    }

    private async Task<LeaseState> RenewAsync(IDatabase database)
    {
        if (_name is { } name)
        {
            if (await WaitAsync(database.StringSetAsync(KeyOf(prefix, name), "", length, When.Exists)).ConfigureAwait(false))
                return LeaseState.Renewed;
            Doubt();
            logger.RecordsForgotten(server.Name);
        }

        _name = null;
        name = string.Create(CultureInfo.InvariantCulture, $"{_instance}.{++_names}");
        await WaitAsync(database.StringSetAsync(KeyOf(prefix, name), "", length)).ConfigureAwait(false);
        _name = name;
        return LeaseState.New;
    }

    private Task<bool> WaitAsync(Task<bool> command) => command.WaitAsync(timeout, time);

    /// <summary>Gives it back: with it goes everything that was written under it.</summary>
    public async Task EndAsync()
    {
        if (_name is { } name && CanBeAsked)
            await server.Multiplexer!.GetDatabase().KeyDeleteAsync(KeyOf(prefix, name)).ConfigureAwait(false);
    }
}

/// <summary>What came of renewing a lease.</summary>
internal enum LeaseState
{
    /// <summary>There is none: nothing can be written.</summary>
    None,

    /// <summary>It was there.</summary>
    Renewed,

    /// <summary>It was not there: nothing that was written before counts.</summary>
    New,
}
