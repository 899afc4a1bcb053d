// How a cluster is, part by part.

using System.Text.Json;
using System.Text.Json.Serialization;

namespace CloudSync.Cluster;

/// <summary>How a cluster is. What `status --json` prints.</summary>
/// <param name="Well">Whether nothing has to be done about it.</param>
/// <param name="Address">Where clients find it.</param>
/// <param name="Parts">In the order in which they are started.</param>
public sealed record ClusterStatus(bool Well, string Address, IReadOnlyList<PartStatus> Parts)
{
    private static readonly JsonSerializerOptions _json = new()
    {
        WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    public string ToJson() => JsonSerializer.Serialize(this, _json);

    /// <summary>Looks at all parts.</summary>
    public static async Task<ClusterStatus> ReadAsync(LocalCluster cluster, CancellationToken cancellationToken)
    {
        var parts = await Task.WhenAll(cluster.Parts.Select(part => LookAsync(part, cancellationToken)));
        return new ClusterStatus(parts.All(static part => part.State == PartStatus.Well), cluster.Address.ToString(), parts);
    }

    private static async Task<PartStatus> LookAsync(ClusterPart part, CancellationToken cancellationToken)
    {
        if (part.Process is not { } process)
        {
            var left = part.LeftBehind();
            return new PartStatus(
                part.Name, PartStatus.Down, null, part.Port, part.Address, null,
                left.Count == 0 ? "doesn't run" : $"has died, but what it had started lives on and may hold its port (pid {string.Join(", ", left)}); `cluster up` and `cluster down` end it",
                left.Count == 0 ? null : new Dictionary<string, object> { ["leftBehind"] = left });
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(_patience);
        try
        {
            var version = await part.ReadVersionAsync(patience.Token);
            var condition = await part.LookAsync(patience.Token);
            return new PartStatus(
                part.Name, condition.IsWell ? PartStatus.Well : PartStatus.Ill, process.Id, part.Port, part.Address, version, condition.Details,
                condition.Values);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            // Whatever it is, it is said of this part, and the others are looked at.
            var reason = exception is OperationCanceledException ? "doesn't answer" : exception.Message.ReplaceLineEndings(" ");
            return new PartStatus(part.Name, PartStatus.Ill, process.Id, part.Port, part.Address, null, reason, null);
        }
    }
}

/// <summary>How a part of a cluster is.</summary>
/// <param name="Name">For example "redis-2".</param>
/// <param name="State"><see cref="Well"/>, <see cref="Ill"/> or <see cref="Down"/>.</param>
/// <param name="ProcessId">Null if it doesn't run.</param>
/// <param name="Port">Where it listens.</param>
/// <param name="Address">The same as a URL, without a password.</param>
/// <param name="Version">Of its program.</param>
/// <param name="Details">What there is to say, for people.</param>
/// <param name="Values">The same for programs.</param>
public sealed record PartStatus(
    string Name, string State, int? ProcessId, int Port, string Address, string? Version, string Details, IReadOnlyDictionary<string, object>? Values)
{
    public const string Well = "well";
    public const string Ill = "ill";
    public const string Down = "down";
}
