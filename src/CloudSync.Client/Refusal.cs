// What the server refuses, and how the client tells.

using CloudSync.Operations;
using CloudSync.Protocol.V1;

namespace CloudSync.Client;

/// <summary>Why the server refused something, in a way that asking again won't change.</summary>
/// <param name="Code">What was wrong.</param>
/// <param name="Message">One sentence for a developer.</param>
/// <param name="Limit">The name of the limit that was exceeded, or empty.</param>
/// <param name="LimitValue">Its value.</param>
public sealed record Refusal(ErrorCode Code, string Message, string Limit = "", ulong LimitValue = 0);

/// <summary>Something was refused by the server, and will be again.</summary>
public sealed class RefusedException(Refusal refusal) : Exception($"{refusal.Code}: {refusal.Message}")
{
    /// <summary>What was refused and why.</summary>
    public Refusal Refusal { get; } = refusal;
}

/// <summary>An edit that the server refused. It was taken out of the document again, and is handed back here.</summary>
/// <param name="Operation">
/// Text: the edit (or several, composed), as it would have applied when it was refused; empty for JSON.
/// </param>
/// <param name="Reason">Why.</param>
/// <param name="JsonOperation">JSON: the same, in json0's own JSON; null for text.</param>
public sealed record RefusedEdit(Delta Operation, Refusal Reason, string? JsonOperation = null);
