// What holds for the whole interface: unknown routes, methods, failures of the log, the OpenAPI document, health.

using System.Net;
using System.Reflection;
using System.Text.Json.Nodes;
using CloudSync.Log;
using CloudSync.Protocol.V1;
using CloudSync.Server.Rest;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace CloudSync.Server.Tests.Rest;

public sealed class RestEndpointsTests(LiveServer server) : IClassFixture<LiveServer>
{
    private readonly HttpClient http = server.Http;

    [Theory]
    [InlineData("/api")]
    [InlineData("/api/nothing")]
    [InlineData("/api/documents/a/nothing")]
    public async Task An_unknown_route_is_a_problem(string path) => await (await http.GetAsync(path)).ProblemAsync(404);

    [Fact]
    public async Task A_page_of_another_site_cannot_write_or_read()
    {
        foreach (var method in new[] { HttpMethod.Get, HttpMethod.Post })
        {
            using var request = new HttpRequestMessage(method, "/api/documents/import?format=text")
            {
                Content = method == HttpMethod.Post ? new StringContent("planted") : null,
            };
            if (method == HttpMethod.Get)
                request.RequestUri = new Uri("/api/documents", UriKind.Relative);
            request.Headers.Add("Origin", "https://evil.example");
            await (await http.SendAsync(request)).ProblemAsync(403);
        }
    }

    [Fact]
    public async Task A_server_of_this_machine_is_not_served_under_a_foreign_name()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/documents");
        request.Headers.Host = "evil.example";
        Assert.Equal(HttpStatusCode.BadRequest, (await http.SendAsync(request)).StatusCode);
    }

    [Fact]
    public async Task A_problem_is_sent_to_a_browser_too()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/documents/none");
        request.Headers.Add("Accept", "text/html");
        await (await http.SendAsync(request)).ProblemAsync(404, "DOCUMENT_NOT_FOUND");
    }

    [Fact]
    public async Task A_method_that_a_route_does_not_take_is_a_problem_that_tells_which_it_takes()
    {
        var response = await http.PutAsync("/api/documents", null);
        await response.ProblemAsync(405);
        Assert.Equal(["GET", "POST"], response.Content.Headers.Allow.Order());
    }

    [Fact]
    public async Task A_log_that_can_not_be_reached_is_said_to_come_back()
    {
        await using var broken = await LiveServer.StartAsync(static builder =>
            builder.Services.AddSingleton(DispatchProxy.Create<IOperationLog, UnavailableLog>()));
        foreach (var response in new[]
        {
            await broken.Http.GetAsync("/api/documents"),
            await broken.Http.GetAsync("/api/documents/a/snapshot"),
            await broken.Http.PostAsync("/api/documents", LiveServer.Json("{}")),
        })
        {
            await response.ProblemAsync(503, "LOG_UNAVAILABLE");
            Assert.NotNull(response.Headers.RetryAfter?.Delta);
            Assert.DoesNotContain("secret", await response.Content.ReadAsStringAsync());
        }

        Assert.Equal(HttpStatusCode.OK, (await broken.Http.GetAsync("/health/live")).StatusCode);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await broken.Http.GetAsync("/health/ready")).StatusCode);
    }

    [Fact]
    public async Task A_server_that_can_reach_its_log_is_ready() =>
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/health/ready")).StatusCode);

    [Fact]
    public async Task Each_route_is_described_in_the_OpenAPI_document()
    {
        var document = await (await http.GetAsync("/openapi/v1.json")).JsonAsync();
        var paths = document["paths"]!.AsObject();
        var routes = server.App.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(static route => route.RoutePattern.RawText!.StartsWith("/api", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(routes);
        foreach (var route in routes)
        {
            var path = route.RoutePattern.RawText!.TrimEnd('/');
            foreach (var method in route.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods)
            {
                var operation = paths[path]?[method.ToLowerInvariant()];
                Assert.True(operation is not null, $"{method} {path} is not described: {paths.ToJsonString()}");
                Assert.False(string.IsNullOrEmpty((string?)operation["operationId"]), path);
                Assert.False(string.IsNullOrEmpty((string?)operation["summary"]), path);
                Assert.NotNull(operation["responses"]!["503"]);
                foreach (var parameter in operation["parameters"]?.AsArray() ?? [])
                    Assert.False(string.IsNullOrEmpty((string?)parameter!["description"]), $"{path} {parameter}");
            }
        }

        Assert.NotNull(document["components"]!["schemas"]!["Delta"]!["properties"]!["ops"]);
    }

    [Fact]
    public void Each_error_code_has_the_name_that_the_protocol_gives_it()
    {
        Assert.Equal("DOCUMENT_NOT_FOUND", Problems.NameOf(ErrorCode.DocumentNotFound));
        Assert.All(Enum.GetValues<ErrorCode>(), static code => Assert.Matches("^[A-Z_]+$", Problems.NameOf(code)));
    }

    // Public and open, as the proxies that are made of it need it.
    public class UnavailableLog : DispatchProxy
    {
        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => targetMethod!.Name switch
        {
            // It was open once.
            "get_Key" => (ReadOnlyMemory<byte>)new byte[32],
            "get_AppendsAtOnce" => 1,
            _ => throw new LogUnavailableException("The file /secret/place is gone."),
        };
    }
}
