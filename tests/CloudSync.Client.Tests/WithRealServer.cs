// What tests with a real server begin and end with.

using Xunit;

namespace CloudSync.Client.Tests;

/// <summary>A server with an empty document "doc", and the clients that a test connects, which end with it.</summary>
/// <param name="type">The document's type.</param>
public abstract class WithRealServer(string type) : IAsyncLifetime
{
    private protected RealServer Server { get; } = new();

    private protected List<CloudSyncClient> Clients { get; } = [];

    public async ValueTask InitializeAsync()
    {
        await Server.StartAsync();
        await CreateAsync("doc", type);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in Clients)
            client.Dispose();
        await Server.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private protected Task CreateAsync(string id, string documentType, byte[]? state = null) =>
        Server.Documents.CreateAsync(id, documentType, "A title", "", state, TestContext.Current.CancellationToken);

    /// <summary>Connects a client, and opens a document on it.</summary>
    private protected Task<CollaborativeDocument> OpenWithAsync(CloudSyncClientOptions options, Uri? endpoint = null, string id = "doc")
    {
        var client = new CloudSyncClient(endpoint ?? Server.Endpoint, options);
        Clients.Add(client);
        return client.OpenAsync(id, TestContext.Current.CancellationToken).Soon();
    }
}
