// The program as it is, on a free port of this machine, with a database of its own.

using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Xunit;

namespace CloudSync.Server.Tests;

public sealed class LiveServer : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cloudsync-test-");
    private WebApplication? _app;

    internal Action<WebApplicationBuilder>? Configure { get; init; }

    internal Dictionary<string, string?> Settings { get; init; } = [];

    internal WebApplication App => _app!;

    internal DirectoryInfo Web => _folder.CreateSubdirectory("web");

    internal HttpClient Http { get; } = new() { Timeout = TimeSpan.FromMinutes(2) };

    internal static async Task<LiveServer> StartAsync(Action<WebApplicationBuilder> configure)
    {
        var server = new LiveServer { Configure = configure };
        await server.InitializeAsync();
        return server;
    }

    internal static async Task<LiveServer> StartAsync(params (string Name, string Value)[] settings)
    {
        var server = new LiveServer { Settings = settings.ToDictionary(static setting => setting.Name, static setting => (string?)setting.Value) };
        await server.InitializeAsync();
        return server;
    }

    public async ValueTask InitializeAsync()
    {
        _app = ServerApplication.Build(
            new ServerSettings(0, "localhost", _folder.CreateSubdirectory("data"), Web),
            builder =>
            {
                builder.Logging.ClearProviders();
                Configure?.Invoke(builder);
            },
            Settings);
        await _app.StartAsync();
        ServerApplication.ReportStarted(_app);
        // A body that is refused for its size is refused before it is sent.
        Http.DefaultRequestHeaders.ExpectContinue = true;
        Http.BaseAddress = new Uri(ServerApplication.AddressOf(_app));
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app!.StopAsync();
        await _app.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    /// <summary>Creates a document and returns its id.</summary>
    internal async Task<string> CreateAsync(string content = """{"ops":[]}""", string type = "rich-text", string title = "")
    {
        var request = new JsonObject { ["type"] = type, ["title"] = title, ["content"] = JsonNode.Parse(content) };
        var response = await Http.PostAsJsonAsync("/api/documents", request);
        return (string)(await response.JsonAsync(201))["id"]!;
    }

    internal Task<HttpResponseMessage> AppendAsync(string id, string operation) =>
        Http.PostAsync($"/api/documents/{id}/operations", Json(operation));

    internal static StringContent Json(string json) => new(json, System.Text.Encoding.UTF8, "application/json");
}

internal static class Responses
{
    /// <summary>The body as JSON, if the status is the expected one.</summary>
    public static async Task<JsonObject> JsonAsync(this HttpResponseMessage response, int status = 200)
    {
        var body = await response.Content.ReadAsStringAsync();
        Assert.True(status == (int)response.StatusCode, $"{(int)response.StatusCode} instead of {status}: {body}");
        return JsonNode.Parse(body)!.AsObject();
    }

    /// <summary>The problem details, if they are that and have this status and, if given, this code.</summary>
    public static async Task<JsonObject> ProblemAsync(this HttpResponseMessage response, int status, string? code = null)
    {
        var problem = await response.JsonAsync(status);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(status, (int?)problem["status"]);
        Assert.False(string.IsNullOrEmpty((string?)problem["title"]));
        Assert.False(string.IsNullOrEmpty((string?)problem["detail"]), problem.ToJsonString());
        Assert.DoesNotContain("CloudSync.Server", (string?)problem["detail"]);
        if (code is not null)
            Assert.Equal(code, (string?)problem["code"]);
        return problem;
    }
}
