// Webhooks as an operator sees them: an address where nobody answers, what it did not get, and that again.

using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using CloudSync.Tests.Shared;
using Xunit;

namespace CloudSync.Server.Tests.Rest;

public class WebhookEndpointsTests
{
    [Fact]
    public async Task What_a_webhook_gave_up_is_listed_and_replayed()
    {
        using var nobody = new TcpListener(IPAddress.Loopback, 0);
        nobody.Start();
        var port = ((IPEndPoint)nobody.LocalEndpoint).Port;
        nobody.Stop();
        await using var server = await LiveServer.StartAsync(
            ("CloudSync:Webhooks:0:Name", "search"), ("CloudSync:Webhooks:0:Url", $"http://127.0.0.1:{port}/hook?key=hidden"),
            ("CloudSync:Webhooks:0:Secret", "a secret of some length"), ("CloudSync:Webhooks:0:Attempts", "1"));
        var http = server.Http;
        var body = new { id = "plan", type = "text", content = new { ops = new[] { new { insert = "a" } } } };
        Assert.Equal(HttpStatusCode.Created, (await http.PostAsJsonAsync("/api/documents", body)).StatusCode);
        var failed = await FailedAsync(http);
        Assert.Equal(("plan", 1, 1), ((string?)failed["document"], (int)failed["firstVersion"]!, (int)failed["attempts"]!));

        var webhook = (await http.GetFromJsonAsync<JsonNode>("/api/webhooks"))!["webhooks"]!.AsArray().Single()!;
        Assert.Equal(("search", $"http://127.0.0.1:{port}/hook", 1), ((string?)webhook["name"], (string?)webhook["url"], (int)webhook["failed"]!));
        Assert.NotNull(webhook["failedAt"]);

        var replayed = await http.PostAsync("/api/webhooks/search/replay", null);
        Assert.Equal(1, (int)(await replayed.Content.ReadFromJsonAsync<JsonNode>())!["replayed"]!);
        // Nobody answers there still.
        await FailedAsync(http);
    }

    [Fact]
    public async Task A_webhook_that_is_not_configured_is_not_found()
    {
        await using var server = await LiveServer.StartAsync();
        Assert.Equal(HttpStatusCode.NotFound, (await server.Http.GetAsync("/api/webhooks/none/failed")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await server.Http.PostAsync("/api/webhooks/none/replay", null)).StatusCode);
        Assert.Empty((await server.Http.GetFromJsonAsync<JsonNode>("/api/webhooks"))!["webhooks"]!.AsArray());
    }

    private static async Task<JsonNode> FailedAsync(HttpClient http)
    {
        JsonArray failed = [];
        await Eventually.IsAsync(
            async () =>
            {
                failed = (await http.GetFromJsonAsync<JsonNode>("/api/webhooks/search/failed?limit=5"))!["failed"]!.AsArray();
                return failed.Count == 1;
            },
            () => $"{failed.Count} are given up.");
        return failed[0]!;
    }
}
