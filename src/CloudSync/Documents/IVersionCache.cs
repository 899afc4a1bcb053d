// The cache port: content at versions, which never changes. Only a shortcut (law 1): whatever comes out of it is verified,
// and whatever is not in it is folded from the log.

namespace CloudSync.Documents;

/// <summary>
/// Keeps bytes for a while. Thread-safe. May forget, lose and damage what it keeps, and be slow or away: its methods never
/// throw, but for a cancelled wait, and take a bounded time.
/// </summary>
public interface IVersionCache
{
    /// <summary>What is kept of a version, or null.</summary>
    ValueTask<ReadOnlyMemory<byte>?> FindAsync(VersionKey key, CancellationToken cancellationToken);

    /// <summary>Keeps something of a version, if it is not too large.</summary>
    ValueTask KeepAsync(VersionKey key, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken);

    /// <summary>
    /// Claims a version to fold it, for a few seconds at the most, so that not all gateways do so at the same time.
    /// Disposing gives the claim back.
    /// </summary>
    /// <returns>Null if another gateway folds it. One that can't be had because the cache is away is given all the same.</returns>
    ValueTask<IAsyncDisposable?> ClaimAsync(VersionKey key, CancellationToken cancellationToken);
}

/// <summary>Names one version of one document, and never another's.</summary>
/// <remarks>
/// Nor the same one's with another past: a database that was set back to a backup counts on from an older version, and gives
/// numbers a second time. <paramref name="Link"/> covers everything up to the version, so what was kept before isn't found.
/// </remarks>
/// <param name="DocumentId">The document.</param>
/// <param name="Link">
/// The audit link (<see cref="Log.AuditChain"/>) that the log keeps of this version or the next one after it, in hexadecimal digits.
/// </param>
/// <param name="Type">The name of its type.</param>
/// <param name="Version">The version.</param>
public readonly record struct VersionKey(string DocumentId, string Link, string Type, long Version);
