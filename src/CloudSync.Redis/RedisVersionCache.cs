// The cache that all gateways share, on the server of each document. A server that is away, slow or empty only makes reads
// slower, by a bounded time: the log has everything.

using System.Globalization;
using CloudSync.Documents;
using CloudSync.Redis.Fanout;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace CloudSync.Redis;

internal sealed class RedisVersionCache(
    RedisServers servers, RedisFanout fanout, IOptions<RedisOptions> options, TimeProvider time, RedisMetrics metrics,
    ILogger<RedisVersionCache> logger) : IVersionCache
{
    // A gateway that dies over a fold holds the others up for so long at the most; they don't wait even that long.
    private static readonly TimeSpan _claimTime = TimeSpan.FromSeconds(10);

    private readonly RedisOptions _options = options.Value;

    public async ValueTask<ReadOnlyMemory<byte>?> FindAsync(VersionKey key, CancellationToken cancellationToken)
    {
        var found = await AskAsync(key, database => database.StringGetAsync(NameOf(key)), cancellationToken)
            .ConfigureAwait(false);
        return found.IsNull ? null : (ReadOnlyMemory<byte>)found;
    }

    public async ValueTask KeepAsync(VersionKey key, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        if (bytes.Length > _options.CacheEntryBytes)
            return;
        await AskAsync(
            key, database => database.StringSetAsync(NameOf(key), bytes, _options.CacheTimeToLive), cancellationToken)
            .ConfigureAwait(false);
    }

    public async ValueTask<IAsyncDisposable?> ClaimAsync(VersionKey key, CancellationToken cancellationToken)
    {
        RedisKey name = NameOf(key) + ":claim";
        RedisValue token = Guid.NewGuid().ToString("N");
        var isMine = await AskAsync(
            key, async database => (bool?)await database.LockTakeAsync(name, token, _claimTime).ConfigureAwait(false),
            cancellationToken).ConfigureAwait(false);
        return isMine == false ? null : new Claim(this, key, name, token, isMine == true);
    }

    private string NameOf(in VersionKey key) => string.Create(
        CultureInfo.InvariantCulture,
        $"{_options.Prefix}version:{key.DocumentId}:{key.Link}:{key.Version}");

    // Nothing at all if it fails, or takes longer than the log would.
    private async Task<T?> AskAsync<T>(VersionKey key, Func<IDatabase, Task<T>> ask, CancellationToken cancellationToken)
    {
        if (fanout.IsDownFor(key.DocumentId) || servers.For(key.DocumentId).Multiplexer is not { } multiplexer)
            return default;
        try
        {
            return await ask(multiplexer.GetDatabase()).WaitAsync(_options.CacheTimeout, time, cancellationToken)
                .ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            metrics.CacheFailed();
            logger.CacheFailed(Refusal.Shorten(exception));
            return default;
        }
    }

    private sealed class Claim(RedisVersionCache cache, VersionKey key, RedisKey name, RedisValue token, bool isHeld)
        : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            if (isHeld)
            {
                await cache.AskAsync(key, database => database.LockReleaseAsync(name, token), CancellationToken.None)
                    .ConfigureAwait(false);
            }
        }
    }
}
