// The fan-out as gateways use it: each message is sealed with the log's key. What comes over the same servers and channel from
// elsewhere, be it a gateway on another log (a restored backup, a staging copy) or somebody who can write to Redis, is
// passed over: a hint must not show people what is not in their log.

using System.Security.Cryptography;
using System.Text;
using CloudSync.Documents;
using CloudSync.Log;
using Microsoft.Extensions.Logging;

namespace CloudSync.Fanout;

/// <summary>
/// A message is its seal, then the document's id and a zero, so that it is no other document's, then what was published.
/// Thread-safe.
/// </summary>
internal sealed class SealedFanout(IFanout inner, IOperationLog log, DocumentMetrics metrics, ILogger<SealedFanout> logger) : IFanout
{
    private const int SealBytes = 16;

    private readonly byte[] _key = log.Key.ToArray();
    private int _told;

    public event Action? HealthChanged
    {
        add => inner.HealthChanged += value;
        remove => inner.HealthChanged -= value;
    }

    public bool IsHealthy => inner.IsHealthy;

    public bool IsHealthyFor(string documentId) => inner.IsHealthyFor(documentId);

    public ValueTask PublishAsync(string documentId, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        var name = Encoding.UTF8.GetByteCount(documentId);
        // Not a rented array: whoever carries it may keep it for as long as it takes.
        var whole = new byte[SealBytes + name + 1 + message.Length];
        Encoding.UTF8.GetBytes(documentId, whole.AsSpan(SealBytes));
        message.Span.CopyTo(whole.AsSpan(SealBytes + name + 1));
        Seal(whole.AsSpan(SealBytes), whole);
        return inner.PublishAsync(documentId, whole, cancellationToken);
    }

    public ValueTask<IAsyncDisposable> SubscribeAsync(
        string documentId, Action<ReadOnlyMemory<byte>> handler, CancellationToken cancellationToken)
    {
        var name = Encoding.UTF8.GetBytes(documentId + '\0');
        return inner.SubscribeAsync(
            documentId,
            whole =>
            {
                if (IsSealed(name, whole.Span))
                    handler(whole[(SealBytes + name.Length)..]);
                else
                    PassOver(documentId);
            },
            cancellationToken);
    }

    private bool IsSealed(ReadOnlySpan<byte> name, ReadOnlySpan<byte> whole)
    {
        if (whole.Length < SealBytes || !whole[SealBytes..].StartsWith(name))
            return false;
        Span<byte> seal = stackalloc byte[SealBytes];
        Seal(whole[SealBytes..], seal);
        return CryptographicOperations.FixedTimeEquals(seal, whole[..SealBytes]);
    }

    private void Seal(ReadOnlySpan<byte> content, Span<byte> seal)
    {
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_key, content, hash);
        hash[..SealBytes].CopyTo(seal);
    }

    private void PassOver(string documentId)
    {
        metrics.FanoutForeign();
        // Once is enough to tell an operator; how many there are is in the metric.
        if (Interlocked.Exchange(ref _told, 1) == 0)
            logger.FanoutForeign(documentId);
    }
}
