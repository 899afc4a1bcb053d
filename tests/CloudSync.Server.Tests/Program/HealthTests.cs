// What a load balancer and an operator are told: readiness, parts, and that it stops.

using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using CloudSync.Fanout;
using CloudSync.Protocol.V1;
using Google.Protobuf;
using Xunit;

namespace CloudSync.Server.Tests.Program;

public sealed class HealthTests
{
    [Fact]
    public async Task A_server_tells_its_role_and_how_each_part_is()
    {
        await using var server = await LiveServer.StartAsync(("CloudSync:GatewayId", "g7"));
        var report = await (await server.Http.GetAsync("/health/ready")).JsonAsync();
        Assert.Equal("healthy", (string?)report["status"]);
        Assert.Equal("all", (string?)report["role"]);
        Assert.Equal("g7", (string?)report["gateway"]);
        Assert.False((bool?)report["draining"]);
        Assert.Equal(0, (int?)report["connections"]);
        var parts = report["parts"]!.AsObject();
        Assert.Contains("log", parts.Select(static part => part.Key));
        Assert.Contains("fan-out", parts.Select(static part => part.Key));
        Assert.All(parts, static part => Assert.Equal("healthy", (string?)part.Value!["status"]));
    }

    [Fact]
    public async Task A_fan_out_that_is_ill_is_named_and_the_server_is_ready_all_the_same()
    {
        await using var server = await LiveServer.StartAsync(
            static builder => builder.Services.AddSingleton<IFanout, IllFanout>());
        var report = await (await server.Http.GetAsync("/health/ready")).JsonAsync();
        Assert.Equal("degraded", (string?)report["status"]);
        Assert.Equal("degraded", (string?)report["parts"]!["fan-out"]!["status"]);
    }

    [Fact]
    public async Task A_server_that_stops_is_not_ready_while_it_still_serves()
    {
        await using var server = await LiveServer.StartAsync(("CloudSync:DrainWindow", "00:01:00"));
        // Somebody is connected and doesn't go: so the drain lasts. Answered, so that the gateway knows of the connection; a
        // socket that is open on this side only is not one yet.
        using var client = new System.Net.WebSockets.ClientWebSocket();
        await client.ConnectAsync(new UriBuilder(server.Http.BaseAddress!) { Scheme = "ws", Path = "/sync" }.Uri, CancellationToken.None);
        await client.SendAsync(
            new ClientFrame { Messages = { new ClientMessage { Hello = new() { ProtocolVersion = 1, ClientId = 1, Agent = "test" } } } }.ToByteArray(),
            System.Net.WebSockets.WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None);
        await client.ReceiveAsync(new byte[4096], CancellationToken.None);
        using var givenUp = new CancellationTokenSource();
        var stopping = server.App.StopAsync(givenUp.Token);
        HttpResponseMessage response;
        do
            response = await server.Http.GetAsync("/health/ready");
        while (response.StatusCode == HttpStatusCode.OK);

        var report = await response.JsonAsync(503);
        Assert.True((bool?)report["draining"]);
        Assert.Equal("unhealthy", (string?)report["parts"]!["gateway"]!["status"]);
        Assert.Equal(HttpStatusCode.OK, (await server.Http.GetAsync("/health/live")).StatusCode);
        await givenUp.CancelAsync();
        await stopping;
    }

    private sealed class IllFanout : IFanout
    {
        public event Action? HealthChanged
        {
            add { }
            remove { }
        }

        public bool IsHealthy => false;

        public bool IsHealthyFor(string documentId) => false;

        public ValueTask PublishAsync(string documentId, ReadOnlyMemory<byte> message, CancellationToken cancellationToken) =>
            ValueTask.CompletedTask;

        public ValueTask<IAsyncDisposable> SubscribeAsync(
            string documentId, Action<ReadOnlyMemory<byte>> handler, CancellationToken cancellationToken) =>
            ValueTask.FromResult<IAsyncDisposable>(new Nothing());

        private sealed class Nothing : IAsyncDisposable
        {
            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
