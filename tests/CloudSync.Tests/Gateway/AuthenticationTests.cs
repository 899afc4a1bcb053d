// Who is at the other end: the host's word counts before the client's.

using System.Security.Claims;
using CloudSync.Protocol.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace CloudSync.Tests.Gateway;

public sealed class AuthenticationTests
{
    [Fact]
    public async Task A_user_the_host_has_authenticated_overrides_the_one_in_the_hello()
    {
        await using var host = await GatewayHost.StartAsync(app: app => app.Use((context, next) =>
        {
            context.User = Principal("u-7", "Grace");
            return next(context);
        }));
        await using var client = await host.GreetAsync();
        await client.SendAsync(
            Messages.Open("doc"), Messages.SetPresence("doc", new User { Id = "u-1", Name = "Mallory", Color = "#abcdef" }));
        var session = await host.Documents.NextSessionAsync();
        Assert.Equal(new User { Id = "u-7", Name = "Grace", Color = "#123456" }, session.Request.User);
        await client.PingAsync();
        Assert.Equal(
            new User { Id = "u-7", Name = "Grace", Color = "#abcdef" }, Assert.Single(session.Presences).User);
    }

    [Fact]
    public async Task A_token_names_the_user()
    {
        await using var host = await GatewayHost.StartAsync(services: AddTokens);
        await using var client = await host.ConnectAsync();
        await client.SendAsync(HelloWith("token of Grace"), Messages.Open("doc"));
        Assert.NotNull((await client.ReceiveAsync()).Welcome);
        Assert.Equal("Grace", (await host.Documents.NextSessionAsync()).Request.User.Name);
    }

    [Fact]
    public async Task A_token_that_is_not_valid_is_refused_for_good_and_nothing_is_opened()
    {
        await using var host = await GatewayHost.StartAsync(services: AddTokens);
        await using var client = await host.ConnectAsync();
        await client.SendAsync(HelloWith("forged"), Messages.Open("doc"));
        var error = (await client.ReceiveAsync()).Error;
        Assert.Equal((ErrorCode.Unauthorized, Retry.Never), (error.Code, error.Retry));
        Assert.Equal(4106, await client.ReceiveCloseAsync());
        Assert.Empty(host.Documents.Open);
    }

    [Fact]
    public async Task A_token_that_can_not_be_checked_may_come_back()
    {
        await using var host = await GatewayHost.StartAsync(services: AddTokens);
        await using var client = await host.ConnectAsync();
        await client.SendAsync(HelloWith("break"));
        Assert.Equal(Retry.Later, (await client.ReceiveAsync()).Error.Retry);
        Assert.Equal(4005, await client.ReceiveCloseAsync());
    }

    private static void AddTokens(CloudSyncBuilder builder) =>
        builder.Services.AddSingleton<ICloudSyncAuthenticator, Tokens>();

    private static ClientMessage HelloWith(string token)
    {
        var hello = Messages.Hello();
        hello.Hello.Token = token;
        return hello;
    }

    private static ClaimsPrincipal Principal(string id, string name) => new(
        new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, id), new Claim(ClaimTypes.Name, name)], "test"));

    private sealed class Tokens : ICloudSyncAuthenticator
    {
        public async ValueTask<ClaimsPrincipal?> AuthenticateAsync(string token, CancellationToken cancellationToken)
        {
            await Task.Yield();
            return token switch
            {
                "token of Grace" => Principal("u-7", "Grace"),
                "break" => throw new InvalidOperationException("No connection to the issuer."),
                _ => null,
            };
        }
    }
}
