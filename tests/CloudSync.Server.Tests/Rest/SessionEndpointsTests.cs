// /api/documents/{id}/sessions, and what /health/ready says when the fan-out doesn't carry everything.

using CloudSync.Client;
using CloudSync.Fanout;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace CloudSync.Server.Tests.Rest;

public sealed class SessionEndpointsTests(LiveServer server) : IClassFixture<LiveServer>
{
    private readonly HttpClient http = server.Http;

    [Fact]
    public async Task Those_who_have_a_document_open_are_listed()
    {
        var id = await server.CreateAsync();
        Assert.Equal(0, (int?)(await (await http.GetAsync($"/api/documents/{id}/sessions")).JsonAsync())["count"]);
        var endpoint = new UriBuilder(new Uri(http.BaseAddress!, "/sync")) { Scheme = "ws" }.Uri;
        using var client = new CloudSyncClient(endpoint, new CloudSyncClientOptions { User = new User("u1", "Ada", "#336699") });
        await client.OpenAsync(id, TestContext.Current.CancellationToken);
        var response = await http.GetAsync($"/api/documents/{id}/sessions?limit=10");
        var list = await response.JsonAsync();
        Assert.Equal((1, true), ((int?)list["count"], (bool?)list["complete"]));
        var session = Assert.Single(list["sessions"]!.AsArray())!;
        Assert.Equal("u1", (string?)session["userId"]);
        Assert.Equal("Ada", (string?)session["userName"]);
        Assert.Equal(client.ClientId.ToString(), (string?)session["clientId"]);
        Assert.False(string.IsNullOrEmpty((string?)session["gateway"]));
        Assert.NotNull((DateTime?)session["since"]);
        Assert.True(response.Headers.CacheControl?.NoStore);
    }

    [Fact]
    public async Task Bounds_and_unknown_documents_are_refused()
    {
        var id = await server.CreateAsync();
        await (await http.GetAsync($"/api/documents/{id}/sessions?limit=0")).ProblemAsync(400);
        await (await http.GetAsync($"/api/documents/{id}/sessions?limit=1001")).ProblemAsync(400);
        await (await http.GetAsync("/api/documents/nowhere/sessions")).ProblemAsync(404, "DOCUMENT_NOT_FOUND");
    }

    [Fact]
    public async Task While_the_fan_out_is_ill_the_server_is_degraded_and_as_ready_as_ever()
    {
        Assert.Equal("healthy", (string?)(await (await http.GetAsync("/health/ready")).JsonAsync())["status"]);
        await using var ill = await LiveServer.StartAsync(
            builder => builder.Services.AddSingleton<IFanout>(new IllFanout()));
        var health = await (await ill.Http.GetAsync("/health/ready")).JsonAsync(200);
        Assert.Equal("degraded", (string?)health["status"]);
        Assert.Equal("degraded", (string?)health["parts"]!["fan-out"]!["status"]);
    }

    private sealed class IllFanout : IFanout, IAsyncDisposable
    {
        public bool IsHealthy => false;

        public event Action? HealthChanged
        {
            add { }
            remove { }
        }

        public bool IsHealthyFor(string documentId) => false;

        public ValueTask PublishAsync(
            string documentId, ReadOnlyMemory<byte> message, CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public ValueTask<IAsyncDisposable> SubscribeAsync(
            string documentId, Action<ReadOnlyMemory<byte>> handler, CancellationToken cancellationToken) => new(this);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
