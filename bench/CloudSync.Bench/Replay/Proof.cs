// Collects what differs from what it must be.

using CloudSync.Client;

namespace CloudSync.Bench.Replay;

internal sealed class Proof(string endContent)
{
    private readonly List<string> _differences = [];

    public IReadOnlyList<string> Differences => _differences;

    public void Expect(string who, string content)
    {
        if (content == endContent)
            return;
        var at = content.AsSpan().CommonPrefixLength(endContent);
        _differences.Add($"{who} differs from the recorded end at {at}: {content.Length} characters, not {endContent.Length}");
    }

    public void Expect(string what, long expected, long actual)
    {
        if (actual != expected)
            _differences.Add($"{what}: {actual}, not {expected}");
    }

    public async Task ExpectServerAsync(string who, RestApi rest, string documentId, long version, CancellationToken stop)
    {
        var snapshot = await rest.SnapshotAsync(documentId, stop);
        Expect(who, snapshot.Text);
        Expect($"{who}: version", version, snapshot.Version);
    }

    public async Task ExpectClientAsync(string who, Uri endpoint, string documentId, CancellationToken stop)
    {
        using var client = new CloudSyncClient(endpoint);
        Expect(who, (await client.OpenAsync(documentId, stop)).ToPlainText());
    }
}
