// Polls that are streams of events, for as long as the network lets them be.

using System.Net;
using CloudSync.Gateway.Polling;
using CloudSync.Protocol.V1;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Tests.Gateway.Polling;

public sealed class EventStreamTests
{
    [Fact]
    public async Task What_is_committed_comes_on_the_stream_there_is()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await PollClient.GreetAsync(host);
        using var stream = await client.StreamAsync();
        Assert.Equal("text/event-stream", stream.Response.Content.Headers.ContentType!.MediaType);
        Assert.Equal(["no"], stream.Response.Headers.GetValues("X-Accel-Buffering"));
        await client.SendAsync(Messages.Open("doc"));
        var session = await host.Documents.NextSessionAsync();
        Assert.NotNull((await stream.ReceiveAsync()).Opened);
        for (ulong version = 0; version < 100; version++)
        {
            session.Commit();
            Assert.Equal(version, (await stream.ReceiveAsync()).Committed.BaseVersion);
        }
    }

    [Fact]
    public async Task A_stream_goes_on_when_everything_on_it_was_acknowledged()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await PollClient.GreetAsync(host);
        using var stream = await client.StreamAsync();
        await client.SendAsync(Messages.Open("doc"));
        var session = await host.Documents.NextSessionAsync();
        Assert.NotNull((await stream.ReceiveAsync()).Opened);
        for (ulong version = 0; version < 3; version++)
        {
            Assert.Equal(HttpStatusCode.NoContent, await client.AcknowledgeAsync());
            session.Commit();
            Assert.Equal(version, (await stream.ReceiveAsync()).Committed.BaseVersion);
        }
    }

    [Fact]
    public async Task A_stream_that_was_cut_off_is_gone_on_with_in_a_poll_and_nothing_is_missing()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await PollClient.GreetAsync(host);
        await client.SendAsync(Messages.Open("doc"));
        var session = await host.Documents.NextSessionAsync();
        ulong version = 0;
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        for (var round = 0; round < 20; round++)
        {
            using (var stream = await client.StreamAsync())
            {
                for (var i = 0; i < 5; i++)
                    session.Commit();
                for (var end = version + 3; version < end; version++)
                    Assert.Equal(version, (await stream.ReceiveAsync()).Committed.BaseVersion);
                // What else the stream has, or has on its way, is lost with it; what was read of it isn't asked for again.
            }

            for (var end = version + 2; version < end; version++)
                Assert.Equal(version, (await client.ReceiveAsync()).Committed.BaseVersion);
        }
    }

    [Fact]
    public async Task A_browser_that_comes_back_by_itself_goes_on_behind_its_last_event()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await PollClient.GreetAsync(host);
        await client.SendAsync(Messages.Ping);
        var pong = await client.PollAsync(client.After);
        using var again = await client.RequestAsync(
            HttpMethod.Get, $"/{client.Key}?after=0", null,
            ("Last-Event-ID", $"{pong[^1].Id}"), ("Accept", "text/event-stream"));
        Assert.Equal(HttpStatusCode.NoContent, await EndByDeleteAsync(client));
        Assert.DoesNotContain(
            "id: ", await again.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_acknowledgements_a_stream_stands_still_at_the_window_and_goes_on_with_them()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var neighbour = await host.GreetAsync(2);
        await using var client = await PollClient.GreetAsync(host);
        var session = await client.OpenDocumentAsync(host);
        using var stream = await client.StreamAsync();
        const int Count = 400;
        for (var i = 0; i < Count; i++)
            session.Commit(16 * 1024);
        var polled = host.App.Services.GetRequiredService<PolledConnections>();
        for (ulong version = 0; version < Count; version++)
        {
            Assert.Equal(version, (await stream.ReceiveAsync()).Committed.BaseVersion);
            Assert.InRange(polled.KeptBytes, 0, PolledOutput.WindowBytes + (65 * 1024));
            if (version % 8 == 7)
                Assert.Equal(HttpStatusCode.NoContent, await client.AcknowledgeAsync());
        }

        await neighbour.PingAsync();
    }

    [Fact]
    public async Task Whoever_never_acknowledges_is_dropped_like_one_who_never_reads()
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(time: time);
        await using var neighbour = await host.GreetAsync(2);
        await using var client = await PollClient.GreetAsync(host);
        var session = await client.OpenDocumentAsync(host);
        using var stream = await client.StreamAsync();
        session.Commit(1 << 20);
        while (!session.IsDisposed)
        {
            await neighbour.PingAsync();
            time.Advance(TimeSpan.FromSeconds(1));
        }

        using var response = await client.AskAsync(client.After);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [Fact]
    public async Task A_close_is_the_last_event()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await PollClient.OpenAsync(host);
        using var stream = await client.StreamAsync();
        await client.SendAsync(Messages.Ping);
        Assert.Equal(ErrorCode.HelloExpected, (await stream.ReceiveAsync()).Error.Code);
        Assert.Equal("close", (await stream.NextAsync())!.Name);
        Assert.Null(await stream.NextAsync());
    }

    private static async Task<HttpStatusCode> EndByDeleteAsync(PollClient client)
    {
        using var response = await client.RequestAsync(HttpMethod.Delete, "/" + client.Key);
        return response.StatusCode;
    }
}
