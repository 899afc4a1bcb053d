// How this process is, for those who look from outside: health reports and operators.

using CloudSync.Documents;

namespace CloudSync.Gateway;

/// <summary>What this process is doing at the moment. Registered by AddCloudSync(). Thread-safe.</summary>
public sealed class GatewayStatus
{
    private readonly GatewayEnvironment _gateway;
    private readonly OpenDocuments _documents;

    internal GatewayStatus(GatewayEnvironment gateway, OpenDocuments documents) =>
        (_gateway, _documents) = (gateway, documents);

    /// <summary>Its name among the gateways.</summary>
    public string GatewayId => _gateway.Options.GatewayId;

    /// <summary>It stops: it takes nobody in, and sends away those who are there.</summary>
    public bool IsDraining => _gateway.Draining;

    /// <summary>Connections of clients.</summary>
    public int Connections => _gateway.Connections.Count;

    /// <summary>Documents in memory.</summary>
    public int OpenDocuments => _documents.Count;

    /// <summary>Why edits aren't saved just now, in one line; null if they are, as far as anybody has tried.</summary>
    public string? LogTrouble => _documents.Writes.Trouble;
}
