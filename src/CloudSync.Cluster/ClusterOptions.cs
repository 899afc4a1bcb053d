// What a cluster is started from, and how.

namespace CloudSync.Cluster;

/// <summary>Where a cluster is kept and what it runs.</summary>
/// <param name="Folder">Its data, logs, configuration and state.</param>
/// <param name="ServerProgram">The built program CloudSync.Server.</param>
/// <param name="Web">The built web app; need not exist.</param>
/// <param name="Detached">Whether it outlives this process.</param>
public sealed record ClusterOptions(string Folder, string ServerProgram, string Web, bool Detached)
{
    /// <summary>The port of NGINX; 0: as it was, and 8080 for a new cluster.</summary>
    public int Port { get; init; }

    /// <summary>How many gateways; 0: as many as there were, and 3 for a new cluster.</summary>
    public int Gateways { get; init; }

    /// <summary>More settings of the gateways and the worker, as environment variables; kept with the cluster.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Where a part finds another: who looks, whom for, and the port that the other listens on; gives the port to connect to.
    /// For whoever puts something between two parts, to see what a bad line does.
    /// </summary>
    public Func<string, string, int, int> Route { get; init; } = static (_, _, port) => port;

    /// <summary>More settings of one gateway or worker, by its name; not kept with the cluster.</summary>
    public Func<string, IReadOnlyDictionary<string, string>> SettingsOf { get; init; } = static _ => new Dictionary<string, string>();

    public const int DefaultPort = 8080;
    public const int DefaultGateways = 3;
    public const int GatewaysMax = 64;
}

/// <summary>The cluster's folder is used by another launcher at the moment.</summary>
public sealed class ClusterBusyException(string folder)
    : Exception($"Another ./cloudsync cluster is at work in '{folder}'.");

/// <summary>What was asked for doesn't go with how the cluster is; says what does.</summary>
public sealed class ClusterUsageException(string message) : Exception(message);

/// <summary>Some parts didn't start, the others run.</summary>
public sealed class PartStartException(IReadOnlyList<(ClusterPart Part, string Reason)> failed)
    : Exception(ReasonsOf(failed)
        + " What could be started runs: `./cloudsync cluster up` tries the rest again, `./cloudsync cluster down` stops all of it.")
{
    /// <summary>The parts that don't run.</summary>
    public IReadOnlyList<ClusterPart> Parts { get; } = [.. failed.Select(static failure => failure.Part)];

    /// <summary>Which don't run, and why, in sentences: for whom the others don't go on.</summary>
    public string Reasons { get; } = ReasonsOf(failed);

    private static string ReasonsOf(IReadOnlyList<(ClusterPart Part, string Reason)> failed) => string.Join(
        " ", failed.Select(static failure => $"{failure.Part.Name} can't be started: {failure.Reason.TrimEnd('.', ' ')}."));
}
