// A credential is renewed on the living connection, counts until its end, and a bad one takes nothing away.

using System.Globalization;
using System.Security.Claims;
using CloudSync.Protocol.V1;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Tests.Gateway;

public sealed class TokenTests
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch.AddYears(56));
    private readonly Tokens _tokens = new();

    [Fact]
    public async Task A_token_is_refreshed_without_reconnecting()
    {
        await using var host = await StartAsync();
        await using var client = await GreetAsync(host, Until("u-7", 60), 60);
        await client.SendAsync(Messages.Open("doc"));
        var session = await host.Documents.NextSessionAsync();
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        _time.Advance(TimeSpan.FromSeconds(50));
        await client.SendAsync(Messages.Authenticate(Until("u-7", 600)));
        Assert.Equal(550_000ul, (await client.ReceiveAsync()).Authenticated.ValidForMs);

        _time.Advance(TimeSpan.FromSeconds(40));
        await client.PingAsync();
        session.Commit();
        Assert.Equal("doc", (await client.ReceiveAsync()).Committed.DocumentId);
        Assert.Single(host.Documents.Open);
    }

    [Fact]
    public async Task A_connection_whose_token_has_ended_is_closed_and_may_come_back_with_another()
    {
        await using var host = await StartAsync();
        await using var client = await GreetAsync(host, Until("u-7", 30), 30);
        _time.Advance(TimeSpan.FromSeconds(29));
        await client.PingAsync();
        _time.Advance(TimeSpan.FromSeconds(2));
        var error = (await client.ReceiveAsync()).Error;
        Assert.Equal((ErrorCode.TokenExpired, Retry.Later), (error.Code, error.Retry));
        Assert.Equal(4006, await client.ReceiveCloseAsync());
    }

    [Theory]
    [InlineData("forged", ErrorCode.TokenInvalid, Retry.Never)]
    [InlineData("ended", ErrorCode.TokenInvalid, Retry.Never)]
    [InlineData("long", ErrorCode.TokenInvalid, Retry.Never)]
    [InlineData("of another", ErrorCode.TokenOfAnotherUser, Retry.Never)]
    [InlineData("break", ErrorCode.TokenNotChecked, Retry.Later)]
    public async Task A_new_token_that_is_refused_leaves_the_connection_and_its_documents_as_they_were(
        string which, ErrorCode code, Retry retry)
    {
        await using var host = await StartAsync();
        await using var client = await GreetAsync(host, Until("u-7", 30), 30);
        await client.SendAsync(Messages.Open("doc"));
        var session = await host.Documents.NextSessionAsync();
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        await client.SendAsync(Messages.Authenticate(which switch
        {
            "ended" => Until("u-7", -1),
            "long" => new string('x', 8_193),
            "of another" => Until("u-8", 600),
            _ => which,
        }));
        var error = (await client.ReceiveAsync()).Error;
        Assert.Equal((code, retry, ""), (error.Code, error.Retry, error.DocumentId));
        Assert.Equal(which == "long" ? ("token", 8_192ul) : ("", 0ul), (error.Limit, error.LimitValue));

        session.Commit();
        Assert.Equal("doc", (await client.ReceiveAsync()).Committed.DocumentId);
        // Neither did it make the old one count for longer.
        _time.Advance(TimeSpan.FromSeconds(31));
        Assert.Equal(ErrorCode.TokenExpired, (await client.ReceiveAsync()).Error.Code);
        Assert.Equal(4006, await client.ReceiveCloseAsync());
    }

    [Fact]
    public async Task Only_so_many_tokens_a_minute_are_checked()
    {
        await using var host = await StartAsync(options => options.Limits.TokensPerMinute = 3);
        await using var client = await GreetAsync(host, Until("u-7", 600), 600);
        for (var i = 0; i < 3; i++)
        {
            await client.SendAsync(Messages.Authenticate("forged"));
            Assert.Equal(ErrorCode.TokenInvalid, (await client.ReceiveAsync()).Error.Code);
        }

        var asked = _tokens.Asked;
        await client.SendAsync(Messages.Authenticate(Until("u-7", 900)));
        var error = (await client.ReceiveAsync()).Error;
        Assert.Equal(
            (ErrorCode.TooManyTokens, Retry.Later, "TokensPerMinute", 3ul), (error.Code, error.Retry, error.Limit, error.LimitValue));
        Assert.InRange(error.RetryAfterMs, 1u, 60_000u);
        Assert.Equal(asked, _tokens.Asked);
        _time.Advance(TimeSpan.FromMilliseconds(error.RetryAfterMs / 2));
        await client.PingAsync();
        _time.Advance(TimeSpan.FromMilliseconds(error.RetryAfterMs / 2));
        await client.SendAsync(Messages.Authenticate(Until("u-7", 900)));
        Assert.NotNull((await client.ReceiveAsync()).Authenticated);
    }

    [Fact]
    public async Task Nothing_waits_for_a_token_to_be_checked_but_the_next_token()
    {
        await using var host = await StartAsync();
        await using var client = await GreetAsync(host, Until("u-7", 600), 600);
        _tokens.Held = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await client.SendAsync(Messages.Authenticate("forged"));
        await client.PingAsync();
        await client.SendAsync(Messages.Authenticate(Until("u-7", 900)));
        _tokens.Held.SetResult();
        Assert.Equal(ErrorCode.TokenInvalid, (await client.ReceiveAsync()).Error.Code);
        Assert.NotNull((await client.ReceiveAsync()).Authenticated);
    }

    [Fact]
    public async Task A_token_that_has_ended_already_opens_no_connection()
    {
        await using var host = await StartAsync();
        await using var client = await host.ConnectAsync();
        await client.SendAsync(HelloWith(Until("u-7", -1)));
        Assert.Equal(ErrorCode.Unauthorized, (await client.ReceiveAsync()).Error.Code);
        Assert.Equal(4106, await client.ReceiveCloseAsync());
    }

    [Fact]
    public async Task A_server_that_asks_for_no_token_takes_any()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Authenticate("whatever"));
        Assert.Equal(0ul, (await client.ReceiveAsync()).Authenticated.ValidForMs);
    }

    private Task<GatewayHost> StartAsync(Action<CloudSyncOptions>? configure = null) => GatewayHost.StartAsync(
        configure, _time, cloudSync => cloudSync.Services.AddSingleton<ICloudSyncAuthenticator>(_tokens));

    // Counts so many seconds from the beginning of the test.
    private static string Until(string userId, int seconds) =>
        $"{userId} {DateTimeOffset.UnixEpoch.AddYears(56).ToUnixTimeSeconds() + seconds}";

    private static async Task<WireClient> GreetAsync(GatewayHost host, string token, int validForSeconds)
    {
        var client = await host.ConnectAsync();
        await client.SendAsync(HelloWith(token));
        Assert.Equal((ulong)validForSeconds * 1_000, (await client.ReceiveAsync()).Welcome.TokenValidForMs);
        return client;
    }

    private static ClientMessage HelloWith(string token)
    {
        var hello = Messages.Hello();
        hello.Hello.Token = token;
        return hello;
    }

    // A token is the user's id and when it ends.
    private sealed class Tokens : ICloudSyncAuthenticator
    {
        public int Asked { get; private set; }

        public TaskCompletionSource? Held { get; set; }

        public async ValueTask<ClaimsPrincipal?> AuthenticateAsync(string token, CancellationToken cancellationToken)
        {
            Asked++;
            if (Held is { } held)
                await held.Task;
            if (token == "break")
                throw new InvalidOperationException("No connection to the issuer.");
            return token.Split(' ') is [var id, var end] && long.TryParse(end, CultureInfo.InvariantCulture, out _)
                ? new(new ClaimsIdentity([new Claim("sub", id), new Claim("exp", end)], "test"))
                : null;
        }
    }
}
