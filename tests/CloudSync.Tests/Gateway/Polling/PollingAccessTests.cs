// Who may poll, and what is refused: as at the WebSocket, and by name.

using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Security.Claims;
using System.Text;
using System.Text.Json.Nodes;
using CloudSync.Gateway.Polling;
using CloudSync.Protocol.V1;
using CloudSync.Tests.Shared;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Tests.Gateway.Polling;

public sealed class PollingAccessTests
{
    private const string Refusals = "cloudsync.gateway.polling.refusals";
    private const string AddressHeader = "X-Address";

    [Theory]
    [InlineData("00112233445566778899aabbccddeeff")]
    [InlineData("x")]
    [InlineData("%2e%2e%2f")]
    public async Task A_forged_key_finds_nothing_is_counted_and_harms_nobody(string key)
    {
        await using var host = await GatewayHost.StartAsync();
        using var counted = new Counted(host.App.Services);
        await using var neighbour = await PollClient.GreetAsync(host, 2);
        await using var client = PollClient.At(host);
        foreach (var method in new[] { HttpMethod.Get, HttpMethod.Post, HttpMethod.Delete })
        {
            using var response = await client.RequestAsync(method, "/" + key);
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
            Assert.Equal("CONNECTION_NOT_FOUND", await CodeAsync(response));
        }

        await counted.UntilAsync($"{Refusals} CONNECTION_NOT_FOUND", 3);
        await neighbour.PingAsync();
    }

    [Fact]
    public async Task Keys_are_tried_no_faster_than_the_rate_and_neighbours_at_the_same_address_and_others_are_not_concerned()
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(static options => options.Limits.UnknownKeysPerSecondPerAddress = 2, time, app: AddAddresses);
        using var counted = new Counted(host.App.Services);
        await using var neighbour = await PollClient.GreetAsync(host, 2);
        neighbour.Headers[AddressHeader] = "10.0.0.1";
        await using var forger = PollClient.At(host);
        forger.Headers[AddressHeader] = "10.0.0.1";
        // Ten seconds' worth at once.
        for (var i = 0; i < 20; i++)
            Assert.Equal(HttpStatusCode.NotFound, await TryKeyAsync(forger));
        using (var limited = await forger.RequestAsync(HttpMethod.Get, "/00112233445566778899aabbccddeeff"))
        {
            Assert.Equal((HttpStatusCode.TooManyRequests, "RATE_LIMITED"), (limited.StatusCode, await CodeAsync(limited)));
            Assert.Equal(["500"], limited.Headers.GetValues("CloudSync-Retry-After-Ms"));
            Assert.Equal(TimeSpan.FromSeconds(1), limited.Headers.RetryAfter!.Delta);
            Assert.True(limited.Headers.ConnectionClose);
        }

        await counted.UntilAsync($"{Refusals} RATE_LIMITED", 1);
        await neighbour.PingAsync();
        forger.Headers[AddressHeader] = "10.0.0.2";
        Assert.Equal(HttpStatusCode.NotFound, await TryKeyAsync(forger));
        forger.Headers[AddressHeader] = "10.0.0.1";
        time.Advance(TimeSpan.FromMilliseconds(500));
        Assert.Equal(HttpStatusCode.NotFound, await TryKeyAsync(forger));
        Assert.Equal(HttpStatusCode.TooManyRequests, await TryKeyAsync(forger));
    }

    [Fact]
    public async Task Keys_are_random_and_long()
    {
        await using var host = await GatewayHost.StartAsync();
        var keys = new HashSet<string>();
        for (var i = 0; i < 20; i++)
        {
            await using var client = await PollClient.OpenAsync(host);
            Assert.Matches("^[0-9a-f]{32}$", client.Key);
            Assert.True(keys.Add(client.Key));
        }
    }

    [Fact]
    public async Task A_connection_of_one_user_is_not_there_for_another()
    {
        await using var host = await GatewayHost.StartAsync(app: AuthenticateByHeader);
        await using var client = await PollClient.OpenAsync(host);
        await using var ada = PollClient.At(host);
        ada.Headers["X-User"] = "ada";
        using var opened = await ada.OpenAsync();
        var key = (string)(await opened.Content.ReadFromJsonAsync<JsonObject>(TestContext.Current.CancellationToken))!["key"]!;
        foreach (var user in new[] { "ben", null })
        {
            await using var other = PollClient.At(host);
            if (user is not null)
                other.Headers["X-User"] = user;
            using var response = await other.RequestAsync(HttpMethod.Delete, "/" + key);
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        }

        using var own = await ada.RequestAsync(HttpMethod.Delete, "/" + key);
        Assert.Equal(HttpStatusCode.NoContent, own.StatusCode);
    }

    [Fact]
    public async Task A_user_the_host_has_authenticated_overrides_the_one_in_the_hello()
    {
        await using var host = await GatewayHost.StartAsync(app: app => app.Use((context, next) =>
        {
            context.User = Principal("u-7");
            return next(context);
        }));
        await using var client = await PollClient.GreetAsync(host);
        await client.SendAsync(Messages.Open("doc"));
        Assert.Equal("u-7", (await host.Documents.NextSessionAsync()).Request.User.Id);
    }

    [Fact]
    public async Task A_host_that_demands_authentication_demands_it_of_polls_too()
    {
        await using var host = await HostWithAuthenticationAsync();
        await using var client = PollClient.At(host);
        using var refused = await client.OpenAsync();
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        // A browser asks without saying who it is whether the page may.
        using var asked = await client.RequestAsync(HttpMethod.Options, "", null, ("Origin", "https://app.example.org"));
        Assert.Equal(HttpStatusCode.NoContent, asked.StatusCode);
        client.Headers["X-User"] = "ada";
        using var opened = await client.OpenAsync();
        Assert.Equal(HttpStatusCode.Created, opened.StatusCode);
    }

    [Theory]
    [InlineData("https://evil.example", false)]
    [InlineData("null", false)]
    [InlineData("https://app.example.org", true)]
    public async Task A_page_of_another_site_may_poll_only_if_it_is_allowed(string origin, bool allowed)
    {
        await using var host = await GatewayHost.StartAsync(options => options.AllowedOrigins.Add("https://app.example.org"));
        await using var own = await PollClient.GreetAsync(host);
        await using var page = PollClient.At(host);
        page.Headers["Origin"] = origin;
        using var opened = await page.OpenAsync();
        using var asked = await page.RequestAsync(
            HttpMethod.Options, "/" + own.Key, null, ("Access-Control-Request-Method", "POST"));
        using var stolen = await page.RequestAsync(HttpMethod.Delete, "/" + own.Key);
        if (allowed)
        {
            Assert.Equal(HttpStatusCode.Created, opened.StatusCode);
            Assert.Equal([origin], opened.Headers.GetValues("Access-Control-Allow-Origin"));
            Assert.Equal(["true"], opened.Headers.GetValues("Access-Control-Allow-Credentials"));
            Assert.Equal(HttpStatusCode.NoContent, asked.StatusCode);
            Assert.Contains("CloudSync-Frame", asked.Headers.GetValues("Access-Control-Allow-Headers").Single(), StringComparison.Ordinal);
            Assert.Equal(HttpStatusCode.NoContent, stolen.StatusCode);
        }
        else
        {
            foreach (var response in new[] { opened, asked, stolen })
            {
                Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
                Assert.False(response.Headers.Contains("Access-Control-Allow-Origin"));
            }

            await own.PingAsync();
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_frame_over_the_limit_is_refused_and_closes_this_connection_alone(bool sizeIsSaid)
    {
        await using var host = await GatewayHost.StartAsync(options =>
        {
            options.Limits.OperationBytes = 10_000;
            options.Limits.MessageBytes = 20_000;
        });
        await using var neighbour = await PollClient.GreetAsync(host, 2);
        await using var client = await PollClient.GreetAsync(host);
        using HttpContent content = sizeIsSaid ? new ByteArrayContent(new byte[20_001]) : new ChunkedContent(new byte[20_001]);
        using var response = await client.RequestAsync(HttpMethod.Post, "/" + client.Key, content, ("CloudSync-Frame", "2"));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        var error = (await client.ReceiveAsync(ServerMessage.BodyOneofCase.Error)).Error;
        Assert.Equal((ErrorCode.MessageTooLarge, 20_000ul), (error.Code, error.LimitValue));
        Assert.Equal(4102, await client.ReceiveCloseAsync());
        await neighbour.PingAsync();
    }

    [Fact]
    public async Task A_frame_that_comes_too_slowly_is_given_up_and_the_connection_goes_on()
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(time: time);
        await using var client = await PollClient.GreetAsync(host);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(host.EndPoint, TestContext.Current.CancellationToken);
        await socket.SendAsync(
            Encoding.ASCII.GetBytes(
                $"POST /sync/polling/{client.Key} HTTP/1.1\r\nHost: x\r\nCloudSync-Frame: 2\r\nContent-Length: 100\r\n\r\nx"),
            TestContext.Current.CancellationToken);
        var buffer = new byte[1024];
        var answer = socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken).AsTask();
        while (!answer.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            // Another request, so that the gateway gets to see the first; it keeps the connection, too.
            await client.PingAsync();
        }

        Assert.StartsWith("HTTP/1.1 4", Encoding.ASCII.GetString(buffer, 0, await answer), StringComparison.Ordinal);
        await client.PingAsync();
    }

    [Fact]
    public async Task A_connection_too_many_is_told_so_and_may_come_back()
    {
        await using var host = await GatewayHost.StartAsync(options => options.Limits.ConnectionsPerAddress = 1);
        await using var client = await PollClient.GreetAsync(host);
        await using var second = await PollClient.OpenAsync(host);
        var error = (await second.ReceiveAsync()).Error;
        Assert.Equal((ErrorCode.TooManyConnections, "ConnectionsPerAddress"), (error.Code, error.Limit));
        Assert.Equal(4001, await second.ReceiveCloseAsync());
        // And the first counts until it ends.
        using var closed = await client.RequestAsync(HttpMethod.Delete, "/" + client.Key);
        var polled = host.App.Services.GetRequiredService<PolledConnections>();
        await Eventually.IsAsync(() => polled.Count == 0, "A connection that was closed still counts.");
        await using var third = await PollClient.GreetAsync(host);
    }

    [Fact]
    public async Task What_is_no_request_of_a_poller_is_refused_by_name()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await PollClient.GreetAsync(host);
        foreach (var (method, path, status, code) in new[]
        {
            (HttpMethod.Get, "", HttpStatusCode.MethodNotAllowed, "METHOD_NOT_ALLOWED"),
            (HttpMethod.Put, "/" + client.Key, HttpStatusCode.MethodNotAllowed, "METHOD_NOT_ALLOWED"),
            (HttpMethod.Get, $"/{client.Key}?after=x", HttpStatusCode.BadRequest, "NUMBER_INVALID"),
            (HttpMethod.Get, $"/{client.Key}?after=-1", HttpStatusCode.BadRequest, "NUMBER_INVALID"),
            (HttpMethod.Get, $"/{client.Key}?after=99999999999999999999", HttpStatusCode.BadRequest, "NUMBER_INVALID"),
            (HttpMethod.Get, $"/{client.Key}?after=1&after=2", HttpStatusCode.BadRequest, "NUMBER_INVALID"),
            (HttpMethod.Post, "/" + client.Key, HttpStatusCode.BadRequest, "NUMBER_INVALID"),
        })
        {
            using var response = await client.RequestAsync(method, path);
            Assert.Equal((status, code), (response.StatusCode, await CodeAsync(response)));
        }

        await client.PingAsync();
    }

    private static async Task<HttpStatusCode> TryKeyAsync(PollClient client)
    {
        using var response = await client.RequestAsync(HttpMethod.Get, "/00112233445566778899aabbccddeeff");
        return response.StatusCode;
    }

    private static void AddAddresses(WebApplication app) => app.Use((context, next) =>
    {
        if (context.Request.Headers[AddressHeader] is [{ } address])
            context.Connection.RemoteIpAddress = IPAddress.Parse(address);
        return next(context);
    });

    private static async Task<string> CodeAsync(HttpResponseMessage response) =>
        (string)(await response.Content.ReadFromJsonAsync<JsonObject>(TestContext.Current.CancellationToken))!["code"]!;

    private static void AuthenticateByHeader(WebApplication app) => app.Use((context, next) =>
    {
        if (context.Request.Headers["X-User"] is [{ } user])
            context.User = Principal(user);
        return next(context);
    });

    private static ClaimsPrincipal Principal(string id) =>
        new(new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, id)], "test"));

    private static Task<GatewayHost> HostWithAuthenticationAsync() => GatewayHost.StartAsync(
        options => options.AllowedOrigins.Add("https://app.example.org"),
        services: builder =>
        {
            builder.Services.AddAuthorization();
            builder.Services.AddAuthentication("test").AddScheme<AuthenticationSchemeOptions, ByHeader>("test", null);
        },
        endpoint: endpoint => endpoint.RequireAuthorization());

    private sealed class ByHeader(
        Microsoft.Extensions.Options.IOptionsMonitor<AuthenticationSchemeOptions> options,
        Microsoft.Extensions.Logging.ILoggerFactory logger, System.Text.Encodings.Web.UrlEncoder encoder)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
    {
        protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(
            Request.Headers["X-User"] is [{ } user]
                ? AuthenticateResult.Success(new AuthenticationTicket(Principal(user), Scheme.Name))
                : AuthenticateResult.NoResult());
    }

    // Does not say how long it is.
    private sealed class ChunkedContent(byte[] bytes) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            stream.WriteAsync(bytes).AsTask();

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
