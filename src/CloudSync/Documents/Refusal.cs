// Why something that was asked of a document was not done.

using CloudSync.Protocol.V1;

namespace CloudSync.Documents;

/// <summary>A named refusal: what was wrong, what is allowed, and whether it is worth asking again.</summary>
/// <param name="Code">What was wrong.</param>
/// <param name="Message">One sentence for a developer.</param>
/// <param name="Retry">Whether the same request may succeed later.</param>
/// <param name="RetryAfter">With <see cref="Protocol.V1.Retry.Later"/>: how long to wait at least.</param>
/// <param name="Limit">The name of the limit that was exceeded, in <see cref="CloudSyncLimits"/>, or null.</param>
/// <param name="LimitValue">Its value.</param>
public sealed record Refusal(
    ErrorCode Code, string Message, Retry Retry = Retry.Never, TimeSpan RetryAfter = default,
    string? Limit = null, long LimitValue = 0);

/// <summary>A request was refused. It has changed nothing.</summary>
public sealed class RefusedException : Exception
{
    /// <summary>Wraps the refusal.</summary>
    public RefusedException(Refusal refusal, Exception? inner = null) : base(refusal.Message, inner) => Refusal = refusal;

    /// <summary>What was refused and why.</summary>
    public Refusal Refusal { get; }
}
