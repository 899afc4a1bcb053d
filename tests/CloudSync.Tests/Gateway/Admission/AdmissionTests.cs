// Who doesn't get in is told by name, with a time to come back; and comes back.

using System.Net;
using System.Security.Claims;
using CloudSync.Client;
using CloudSync.Documents;
using CloudSync.Gateway;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using CloudSync.Tests.Shared;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Tests.Gateway.Admission;

public sealed class AdmissionTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_connection_beyond_the_pace_is_told_when_to_come_back_and_gets_in_then()
    {
        var time = new FakeTimeProvider();
        var authenticator = new Tokens();
        await using var host = await GatewayHost.StartAsync(
            static options => options.Limits.ConnectionsPerSecond = 2, time, builder => builder.Services.AddSingleton<ICloudSyncAuthenticator>(authenticator));
        using var counted = new Counted(host.App.Services);
        for (var i = 0; i < 2; i++)
        {
            await using var early = await host.ConnectAsync();
            await early.SendAsync(HelloOf("ada"));
            Assert.NotNull((await early.ReceiveAsync()).Welcome);
        }

        await using var late = await ConnectAsPageAsync(host);
        await late.SendAsync(HelloOf("ada"));
        var error = (await late.ReceiveAsync()).Error;
        Assert.Equal(
            (ErrorCode.GatewayBusy, Retry.Later, "ConnectionsPerSecond", 2ul), (error.Code, error.Retry, error.Limit, error.LimitValue));
        Assert.InRange(error.RetryAfterMs, 100u, 60_000u);
        Assert.Equal(4007, await late.ReceiveCloseAsync());
        // Nobody was asked who that is.
        Assert.Equal(2, authenticator.Asked);
        Assert.Equal(1, counted["cloudsync.gateway.admission.refused ConnectionsPerSecond"]);

        time.Advance(TimeSpan.FromMilliseconds(error.RetryAfterMs));
        await using var back = await ConnectAsPageAsync(host);
        await back.SendAsync(HelloOf("ada"));
        Assert.NotNull((await back.ReceiveAsync()).Welcome);
    }

    [Fact]
    public async Task A_program_and_whoever_comes_when_even_refusals_are_too_many_is_told_by_HTTP_when_to_come_back()
    {
        await using var host = await GatewayHost.StartAsync(static options => options.Limits.ConnectionsPerSecond = 1, new FakeTimeProvider());
        await using var first = await host.GreetAsync();
        using var toProgram = await AskAsync(host, origin: null);
        AssertRefused(toProgram);
        var table = host.App.Services.GetRequiredService<ConnectionTable>();
        while (table.EnterRefused() == CloudSync.Gateway.Admission.Refused)
        {
        }

        using var toAnother = await AskAsync(host, $"http://{host.EndPoint}");
        AssertRefused(toAnother);
        using var client = new CloudSyncClient(host.Uri, new() { BackoffStep = TimeSpan.Zero });
        var waiting = new TaskCompletionSource<TimeSpan>(TaskCreationOptions.RunContinuationsAsynchronously);
        client.StateChanged += state =>
        {
            if (state.RetryIn is { } wait)
                waiting.TrySetResult(wait);
        };
        client.Open("d");
        // To the millisecond, behind those who were told before.
        Assert.InRange((await waiting.Task.WaitAsync(TimeSpan.FromMinutes(1), Cancellation)).TotalSeconds, 3, 60);
    }

    private static async Task<HttpResponseMessage> AskAsync(GatewayHost host, string? origin)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, new UriBuilder(host.Uri) { Scheme = "http" }.Uri);
        request.Headers.Connection.Add("Upgrade");
        request.Headers.Upgrade.ParseAdd("websocket");
        request.Headers.Add("Sec-WebSocket-Version", "13");
        request.Headers.Add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        if (origin is not null)
            request.Headers.Add("Origin", origin);
        return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
    }

    private static void AssertRefused(HttpResponseMessage response)
    {
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        var seconds = response.Headers.RetryAfter!.Delta!.Value.TotalSeconds;
        Assert.InRange(seconds, 1, 60);
        var milliseconds = int.Parse(response.Headers.GetValues("CloudSync-Retry-After-Ms").Single(), System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(milliseconds, 100, seconds * 1_000);
    }

    private static Task<WireClient> ConnectAsPageAsync(GatewayHost host) => WireClient.ConnectAsync(host.Uri, $"http://{host.EndPoint}");

    [Fact]
    public async Task One_address_connects_no_faster_than_its_rate_and_others_are_not_concerned()
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(static options => options.Limits.ConnectionsPerSecondPerAddress = 1, time, app: AddAddresses);
        // Ten seconds' worth at once.
        for (var i = 0; i < 10; i++)
            await AssertGreetedAsync(host, "?from=10.0.0.1");
        await using (var one = await WireClient.ConnectAsync(From(host, "?from=10.0.0.1")))
        {
            var error = (await one.ReceiveAsync()).Error;
            Assert.Equal(
                (ErrorCode.RateLimited, Retry.Later, "ConnectionsPerSecondPerAddress", 1ul, 1_000u),
                (error.Code, error.Retry, error.Limit, error.LimitValue, error.RetryAfterMs));
            Assert.Equal(4008, await one.ReceiveCloseAsync());
        }

        await AssertGreetedAsync(host, "?from=10.0.0.2");
        time.Advance(TimeSpan.FromSeconds(1));
        await AssertGreetedAsync(host, "?from=10.0.0.1");
        // An address of this machine is nobody's in particular.
        for (var i = 0; i < 20; i++)
            await AssertGreetedAsync(host, "");
    }

    [Fact]
    public async Task One_user_connects_no_faster_than_his_rate_and_others_are_not_concerned()
    {
        await using var host = await GatewayHost.StartAsync(
            static options => options.Limits.ConnectionsPerSecondPerUser = 1, new FakeTimeProvider(),
            static builder => builder.Services.AddSingleton<ICloudSyncAuthenticator, Tokens>());
        for (var i = 0; i < 10; i++)
        {
            await using var early = await host.ConnectAsync();
            await early.SendAsync(HelloOf("ada"));
            Assert.NotNull((await early.ReceiveAsync()).Welcome);
        }

        await using var late = await host.ConnectAsync();
        await late.SendAsync(HelloOf("ada"));
        Assert.Equal("ConnectionsPerSecondPerUser", (await late.ReceiveAsync()).Error.Limit);
        Assert.Equal(4008, await late.ReceiveCloseAsync());
        await using var other = await host.ConnectAsync();
        await other.SendAsync(HelloOf("bob"));
        Assert.NotNull((await other.ReceiveAsync()).Welcome);
    }

    [Theory]
    [InlineData("OpensPerSecondPerAddress")]
    [InlineData("OpensPerSecondPerUser")]
    public async Task Documents_are_opened_no_faster_than_the_rate_and_the_connection_goes_on(string limit)
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(
            options => typeof(CloudSyncLimits).GetProperty(limit)!.SetValue(options.Limits, 2), time,
            static builder => builder.Services.AddSingleton<ICloudSyncAuthenticator, Tokens>(), AddAddresses);
        await using var client = await WireClient.ConnectAsync(From(host, "?from=10.0.0.1"));
        await client.SendAsync(HelloOf("ada"));
        for (var i = 0; i < 21; i++)
            await client.SendAsync(Messages.Open($"d{i}"));
        var error = (await client.ReceiveAsync(ServerMessage.BodyOneofCase.Error)).Error;
        Assert.Equal(
            (ErrorCode.RateLimited, Retry.Later, limit, 2ul, "d20", 500u),
            (error.Code, error.Retry, error.Limit, error.LimitValue, error.DocumentId, error.RetryAfterMs));
        Assert.Equal(20, host.Documents.Open.Count);
        time.Advance(TimeSpan.FromMilliseconds(500));
        await client.SendAsync(Messages.Open("d20"));
        await client.PingAsync();
        Assert.Equal(21, host.Documents.Open.Count);
    }

    [Fact]
    public async Task Documents_that_have_to_be_read_are_opened_at_a_pace_and_those_in_memory_at_once()
    {
        await using var host = await GatewayHost.StartAsync(static options => options.Limits.DocumentLoadsPerSecond = 3, new FakeTimeProvider());
        for (var i = 0; i < 4; i++)
            host.Documents.NotInMemory[$"cold{i}"] = true;
        await using var client = await host.GreetAsync();
        for (var i = 0; i < 4; i++)
            await client.SendAsync(Messages.Open($"cold{i}"), Messages.Open($"warm{i}"));
        var error = (await client.ReceiveAsync(ServerMessage.BodyOneofCase.Error)).Error;
        Assert.Equal(
            (ErrorCode.GatewayBusy, Retry.Later, "DocumentLoadsPerSecond", "cold3"), (error.Code, error.Retry, error.Limit, error.DocumentId));
        Assert.InRange(error.RetryAfterMs, 100u, 60_000u);
        await client.PingAsync();
        Assert.Equal(7, host.Documents.Open.Count);
    }

    [Fact]
    public async Task A_storm_gets_in_in_the_end_and_a_writer_goes_on_meanwhile()
    {
        const int storm = 300;
        using var directory = new TemporaryDirectory();
        await using var host = await GatewayHost.StartAsync(
            static options => options.Limits.ConnectionsPerSecond = 400,
            services: builder => builder.UseSqlite(directory.File("log.db")), documents: false);
        using var counted = new Counted(host.App.Services);
        var service = host.App.Services.GetRequiredService<DocumentService>();
        await service.CreateAsync("d", "text", "", "", default, Cancellation);
        using var writer = new CloudSyncClient(host.Uri);
        var written = await writer.OpenAsync("d", Cancellation);
        using var stormIsOver = new CancellationTokenSource();
        var edits = 0;
        var writing = Task.Run(
            async () =>
            {
                // Each waits for the one before: none is late for ever, and none is lost.
                for (; !stormIsOver.IsCancellationRequested; edits++)
                    await written.SubmitAsync(Delta.Build().Insert("x").ToDelta());
            },
            Cancellation);
        var clients = Enumerable.Range(0, storm).Select(_ => new CloudSyncClient(host.Uri)).ToArray();
        try
        {
            var documents = await Task.WhenAll(clients.Select(client => client.OpenAsync("d", Cancellation)));
            await stormIsOver.CancelAsync();
            await writing;
            foreach (var document in documents)
                await Eventually.IsAsync(() => document.Length == edits, "Somebody doesn't have all edits.");
        }
        finally
        {
            foreach (var client in clients)
                client.Dispose();
        }

        Assert.True(edits > 0);
        // A hundred at once, and some hundred more each second: the others were told to come back.
        Assert.True(counted["cloudsync.gateway.admission.refused ConnectionsPerSecond"] > 0);
    }

    private static async Task AssertGreetedAsync(GatewayHost host, string query)
    {
        await using var client = await WireClient.ConnectAsync(From(host, query));
        await client.SendAsync(Messages.Hello());
        Assert.NotNull((await client.ReceiveAsync()).Welcome);
    }

    private static Uri From(GatewayHost host, string query) => new(host.Uri + query);

    // As forwarded headers do behind a proxy.
    private static void AddAddresses(WebApplication app) => app.Use((context, next) =>
    {
        if (context.Request.Query["from"].ToString() is { Length: > 0 } from)
            context.Connection.RemoteIpAddress = IPAddress.Parse(from);
        return next(context);
    });

    private static ClientMessage HelloOf(string user)
    {
        var hello = Messages.Hello();
        hello.Hello.Token = user;
        return hello;
    }

    private sealed class Tokens : ICloudSyncAuthenticator
    {
        private int _asked;

        public int Asked => Volatile.Read(ref _asked);

        public ValueTask<ClaimsPrincipal?> AuthenticateAsync(string token, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _asked);
            return new(new ClaimsPrincipal(new ClaimsIdentity([new(ClaimTypes.NameIdentifier, token)], "test")));
        }
    }
}
