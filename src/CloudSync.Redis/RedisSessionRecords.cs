// Session records of all gateways: for each document a hash on its server, with one field for each gateway that has it
// open. A field is written anew when something changed, at most once a second, so that a thousand who join cost one
// command. What a gateway wrote on a server counts as long as its lease there is alive (RedisLease.cs). If that is gone, so
// may be everything else: it is all written again.

using System.Collections.Concurrent;
using System.Text.Json;
using CloudSync.Documents;
using CloudSync.Redis.Fanout;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace CloudSync.Redis;

internal sealed class RedisSessionRecords : ISessionRecords, IAsyncDisposable
{
    // Written together; what is beyond it waits until that is done.
    private const int DocumentsTogether = 1_000;

    private static readonly TimeSpan _turn = TimeSpan.FromSeconds(1);

    // A document's records go when nobody has written to them for so long; whoever still has it open writes more often.
    private static readonly TimeSpan _timeToLive = TimeSpan.FromHours(1);

    private readonly RedisServers _servers;
    private readonly RedisFanout _fanout;
    private readonly TimeSpan _timeout;
    private readonly string _prefix;
    // One for each server, in their order.
    private readonly RedisLease[] _leases;
    private readonly bool[] _canWrite;
    private readonly TimeProvider _time;
    private readonly RedisMetrics _metrics;
    private readonly ILogger<RedisSessionRecords> _logger;
    private readonly ConcurrentDictionary<string, byte> _changed = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, byte> _written = new(StringComparer.Ordinal);
    private readonly ITimer _timer;
    private Func<string, int, DocumentSessions> _find = static (_, _) => new DocumentSessions(0, true, []);
    private long _refreshedTimestamp;
    private int _writing;
    private volatile bool _stopped;

    public RedisSessionRecords(
        RedisServers servers, RedisFanout fanout, IOptions<RedisOptions> options, IOptions<CloudSyncOptions> cloudSync,
        TimeProvider time, RedisMetrics metrics, ILogger<RedisSessionRecords> logger)
    {
        (_servers, _fanout, _time, _metrics, _logger) = (servers, fanout, time, metrics, logger);
        (_timeout, _prefix) = (options.Value.CacheTimeout, options.Value.Prefix);
        _leases = [.. servers.All.Select(server => new RedisLease(
            server, _prefix, cloudSync.Value.GatewayId, cloudSync.Value.PresenceLease, _timeout, time, logger))];
        _canWrite = new bool[_leases.Length];
        _refreshedTimestamp = time.GetTimestamp();
        _fanout.HealthChanged += WriteEverything;
        _timer = time.CreateTimer(static state => ((RedisSessionRecords)state!).Turn(), this, TimeSpan.Zero, _turn);
    }

    public void Begin(Func<string, int, DocumentSessions> find) => _find = find;

    public void Changed(string documentId) => _changed.TryAdd(documentId, 0);

    public async ValueTask<DocumentSessions> ListAsync(string documentId, int limit, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, DocumentSessions.MaxRecords);
        var own = _find(documentId, limit);
        if (DatabaseOf(documentId) is not { } database)
            return own with { IsComplete = false };
        var lease = _leases[_servers.IndexFor(documentId)];
        try
        {
            var others = await ReadAsync(database, documentId, lease)
                .WaitAsync(_timeout, _time, cancellationToken).ConfigureAwait(false);
            return new(
                own.Count + others.Sum(static sessions => sessions.Count), !lease.IsInDoubt,
                [.. own.Sessions.Concat(others.SelectMany(static sessions => sessions.Sessions))
                    .OrderBy(static session => session.Since).Take(limit)]);
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            Failed(exception);
            return own with { IsComplete = false };
        }
    }

    // What the others wrote whose leases are alive. What the dead have left is taken away. This gateway's own lease is
    // looked for too: if it is gone, the others' may be, and what they wrote.
    private async Task<List<DocumentSessions>> ReadAsync(IDatabase database, string documentId, RedisLease lease)
    {
        var own = lease.Name;
        var fields = await database.HashGetAllAsync(KeyOf(documentId)).ConfigureAwait(false);
        var isHeld = own is null ? Task.FromResult(true) : database.KeyExistsAsync(RedisLease.KeyOf(_prefix, own));
        var alive = await Task.WhenAll(
            fields.Select(field => database.KeyExistsAsync(RedisLease.KeyOf(_prefix, field.Name!)))).ConfigureAwait(false);
        if (!await isHeld.ConfigureAwait(false))
            lease.Doubt();
        var others = new List<DocumentSessions>();
        for (var i = 0; i < fields.Length; i++)
        {
            if (!alive[i])
                _ = database.HashDeleteAsync(KeyOf(documentId), fields[i].Name, CommandFlags.FireAndForget);
            else if (fields[i].Name != own && Decode(fields[i].Value) is { } sessions)
                others.Add(sessions);
        }

        return others;
    }

    private static DocumentSessions? Decode(RedisValue value)
    {
        try
        {
            return JsonSerializer.Deserialize<DocumentSessions>(((ReadOnlyMemory<byte>)value).Span) is { Sessions: not null } sessions
                ? sessions
                : null;
        }
        catch (JsonException)
        {
            // Not ours, or damaged: nobody is there, until its gateway writes anew.
            return null;
        }
    }

    // A server that was away may have forgotten a part.
    private void WriteEverything()
    {
        foreach (var documentId in _written.Keys)
            _changed.TryAdd(documentId, 0);
    }

    private void Turn()
    {
        if (_time.GetElapsedTime(_refreshedTimestamp) > _timeToLive / 3)
        {
            _refreshedTimestamp = _time.GetTimestamp();
            WriteEverything();
        }

        if (!_stopped && Interlocked.Exchange(ref _writing, 1) == 0)
            _ = WriteAsync();
    }

    private async Task WriteAsync()
    {
        try
        {
            await Task.WhenAll(Enumerable.Range(0, _leases.Length).Select(RenewAsync)).ConfigureAwait(false);
            foreach (var documents in _changed.Keys.Chunk(DocumentsTogether))
                await Task.WhenAll(documents.Select(WriteAsync)).ConfigureAwait(false);
        }
        finally
        {
            Volatile.Write(ref _writing, 0);
        }
    }

    private async Task RenewAsync(int server)
    {
        var state = LeaseState.None;
        await TryAsync(async () => state = await _leases[server].RenewAsync().ConfigureAwait(false)).ConfigureAwait(false);
        _canWrite[server] = state != LeaseState.None;
        if (state != LeaseState.New)
            return;
        foreach (var documentId in _written.Keys)
        {
            if (_servers.IndexFor(documentId) == server)
                _changed.TryAdd(documentId, 0);
        }
    }

    private async Task WriteAsync(string documentId)
    {
        var server = _servers.IndexFor(documentId);
        // Else it stays, for a later turn.
        if (!_canWrite[server] || DatabaseOf(documentId) is not { } database || _leases[server].Name is not { } name)
            return;
        // Taken out before it is looked up, so that what changes meanwhile is written at the next turn.
        _changed.TryRemove(documentId, out _);
        var own = _find(documentId, DocumentSessions.MaxRecords);
        bool written;
        if (own.Count > 0)
        {
            var value = JsonSerializer.SerializeToUtf8Bytes(own);
            _written[documentId] = 0;
            written = await TryAsync(() => Task.WhenAll(
                database.HashSetAsync(KeyOf(documentId), name, value),
                database.KeyExpireAsync(KeyOf(documentId), _timeToLive))).ConfigureAwait(false);
        }
        else
        {
            written = await TryAsync(() => database.HashDeleteAsync(KeyOf(documentId), name)).ConfigureAwait(false);
            if (written)
                _written.TryRemove(documentId, out _);
        }

        if (!written)
        {
            _changed.TryAdd(documentId, 0);
            _leases[server].Doubt();
        }
    }

    private async Task<bool> TryAsync(Func<Task> write)
    {
        try
        {
            await write().ConfigureAwait(false);
            return true;
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            Failed(exception);
            return false;
        }
    }

    private void Failed(Exception exception)
    {
        _metrics.RecordsFailed();
        _logger.RecordsFailed(Refusal.Shorten(exception));
    }

    private static bool CanBeAsked(RedisConnection server) => server.Multiplexer is { IsConnected: true };

    private IDatabase? DatabaseOf(string documentId) =>
        !_fanout.IsDownFor(documentId) && _servers.For(documentId) is { } server && CanBeAsked(server)
            ? server.Multiplexer!.GetDatabase()
            : null;

    private RedisKey KeyOf(string documentId) => $"{_prefix}sessions:{documentId}";

    /// <summary>Gives the leases back: with them goes everything that was written under them.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stopped)
            return;
        _stopped = true;
        _fanout.HealthChanged -= WriteEverything;
        await _timer.DisposeAsync().ConfigureAwait(false);
        var ends = _leases.Select(lease => TryAsync(lease.EndAsync));
        await Task.WhenAny(Task.WhenAll(ends), Task.Delay(_timeout, _time)).ConfigureAwait(false);
    }
}
