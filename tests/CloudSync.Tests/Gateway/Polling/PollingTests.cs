// A connection over plain requests: nothing is lost and nothing doubled, whichever answer gets lost.

using System.Net;
using CloudSync.Gateway.Polling;
using CloudSync.Protocol.V1;
using Google.Protobuf;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Tests.Gateway.Polling;

public sealed class PollingTests
{
    [Fact]
    public async Task A_client_without_a_websocket_opens_a_document_edits_it_and_hears_what_is_committed()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await PollClient.GreetAsync(host);
        await client.SendAsync(Messages.Open("doc"), Messages.Submit("doc", 0, 1, 1, 2, 3));
        var session = await host.Documents.NextSessionAsync();
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        Assert.Equal([1, 2, 3], (await session.NextSubmitAsync()).Operation.ToByteArray());
        for (ulong version = 0; version < 20; version++)
        {
            session.Commit();
            Assert.Equal(version, (await client.ReceiveAsync()).Committed.BaseVersion);
        }
    }

    [Fact]
    public async Task A_post_that_is_sent_again_is_handled_once()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await PollClient.OpenAsync(host);
        byte[] Frame(params ClientMessage[] messages) => Messages.Frame(messages).ToByteArray();
        Assert.Equal(HttpStatusCode.NoContent, await client.PostAsync(1, Frame(Messages.Hello(), Messages.Open("doc"))));
        for (var i = 0; i < 3; i++)
            Assert.Equal(HttpStatusCode.NoContent, await client.PostAsync(2, Frame(Messages.Submit("doc", 0, 1, 1))));
        Assert.Equal(HttpStatusCode.NoContent, await client.PostAsync(1, Frame(Messages.Hello())));
        Assert.Equal(HttpStatusCode.NoContent, await client.PostAsync(3, Frame(Messages.Submit("doc", 0, 2, 2))));
        var session = await host.Documents.NextSessionAsync();
        Assert.Equal(1ul, (await session.NextSubmitAsync()).ClientSeq);
        Assert.Equal(2ul, (await session.NextSubmitAsync()).ClientSeq);
    }

    [Fact]
    public async Task A_post_that_leaves_a_number_out_is_refused_and_the_connection_goes_on()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await PollClient.GreetAsync(host);
        Assert.Equal(HttpStatusCode.Conflict, await client.PostAsync(3, Messages.Frame(Messages.Ping).ToByteArray()));
        Assert.Equal(HttpStatusCode.BadRequest, await client.PostAsync(0, []));
        Assert.Equal(HttpStatusCode.BadRequest, await client.PostAsync(-1, []));
        await client.PingAsync();
    }

    [Fact]
    public async Task What_was_in_an_answer_that_got_lost_comes_again_and_what_was_acknowledged_does_not()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await PollClient.GreetAsync(host);
        var session = await client.OpenDocumentAsync(host);
        var from = client.After;
        session.Commit();
        var lost = await client.PollAsync(from);
        session.Commit();
        // The same again, and by now the second; read after it, as the client has forgotten the first answer.
        List<PollEvent> told = [];
        while (told.Count < 2)
        {
            told = await client.PollAsync(from);
            Assert.Equal(lost[0], told[0]);
        }

        client.Take(told);
        await client.ReceiveCommittedAsync(0, 2);
        session.Commit();
        await client.ReceiveCommittedAsync(2, 1);
    }

    [Fact]
    public async Task What_was_never_sent_can_not_be_acknowledged()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await PollClient.GreetAsync(host);
        using var response = await client.AskAsync(client.After + 1);
        Assert.Equal(HttpStatusCode.Conflict, response.StatusCode);
        await client.PingAsync();
    }

    [Fact]
    public async Task A_second_poll_ends_the_first_and_gets_what_comes()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await PollClient.GreetAsync(host);
        var first = client.AskAsync(client.After);
        var second = client.AskAsync(client.After);
        // Whichever the gateway saw first.
        var ended = await Task.WhenAny(first, second);
        using var conflict = await ended;
        Assert.Equal(HttpStatusCode.Conflict, conflict.StatusCode);
        await client.SendAsync(Messages.Ping);
        using var answer = await (ended == first ? second : first);
        client.Take(PollClient.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)));
        Assert.NotNull((await client.ReceiveAsync()).Pong);
    }

    [Fact]
    public async Task A_poll_that_finds_nothing_ends_after_the_heartbeat_interval_and_the_connection_goes_on()
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(time: time);
        await using var client = await PollClient.GreetAsync(host);
        await client.SendAsync(Messages.Open("doc"));
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        var waiting = client.AskAsync(client.After);
        // Nobody tells when it has come to wait. What is said meanwhile keeps the connection, and isn't answered.
        while (!waiting.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await client.SendAsync(Messages.SetPresence("doc"));
        }

        using var nothing = await waiting;
        Assert.Equal(HttpStatusCode.NoContent, nothing.StatusCode);
        await client.PingAsync();
    }

    [Fact]
    public async Task A_snapshot_of_many_megabytes_arrives_whole_in_pieces_and_little_of_it_is_kept()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await PollClient.GreetAsync(host);
        var session = await client.OpenDocumentAsync(host);
        session.Commit(20_000_000);
        var polled = host.App.Services.GetRequiredService<PolledConnections>();
        var most = 0L;
        var receiving = client.ReceiveAsync();
        while (!receiving.IsCompleted)
        {
            most = Math.Max(most, polled.KeptBytes);
            await Task.Yield();
        }

        Assert.Equal(20_000_000, (await receiving).Committed.Operations[0].Operation.Length);
        Assert.InRange(most, 0, PolledOutput.WindowBytes + (65 * 1024));
    }

    [Fact]
    public async Task What_waits_for_a_slow_poller_is_gathered_into_one_frame_and_its_neighbour_is_served()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var neighbour = await host.GreetAsync(2);
        await using var client = await PollClient.GreetAsync(host);
        var session = await client.OpenDocumentAsync(host);
        for (var i = 0; i < 1_000; i++)
            session.Commit();
        await neighbour.PingAsync();
        await client.ReceiveCommittedAsync(0, 1_000);
        // Hello and the open are two; of a thousand commits nearly all waited for the second poll.
        Assert.InRange(client.After, 3, 8);
    }

    [Fact]
    public async Task A_poller_that_stays_away_is_dropped_and_its_session_ends()
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(time: time);
        await using var client = await PollClient.GreetAsync(host);
        var session = await client.OpenDocumentAsync(host);
        session.Commit();
        for (var i = 0; i < 120 && !session.IsDisposed; i++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        await session.DisposedAsync();
        using var response = await client.AskAsync(client.After);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [Fact]
    public async Task A_client_that_closes_is_gone_at_once()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await PollClient.GreetAsync(host);
        var session = await client.OpenDocumentAsync(host);
        var waiting = client.AskAsync(client.After);
        using var response = await client.RequestAsync(HttpMethod.Delete, "/" + client.Key);
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        await session.DisposedAsync();
        using var answer = await waiting;
        Assert.Contains(answer.StatusCode, new[] { HttpStatusCode.OK, HttpStatusCode.NotFound });
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("?code=1000", false)]
    [InlineData("?code=4000", true)]
    public async Task A_client_says_with_its_close_code_whether_it_comes_back(string query, bool comesBack)
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await PollClient.GreetAsync(host);
        var session = await client.OpenDocumentAsync(host);
        using var response = await client.RequestAsync(HttpMethod.Delete, $"/{client.Key}{query}");
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        await session.DisposedAsync();
        Assert.Equal(comesBack, session.IsLost);
    }

    [Theory]
    [InlineData("/a/b/")]
    [InlineData("/{tenant}/sync")]
    [InlineData("/")]
    public async Task Polls_are_below_the_path_that_the_application_has_chosen(string pattern)
    {
        await using var host = await GatewayHost.StartAsync(pattern: pattern);
        using var http = new HttpClient();
        var path = pattern.Replace("{tenant}", "t", StringComparison.Ordinal).TrimEnd('/');
        using var response = await http.PostAsync(
            new Uri($"http://{host.EndPoint}{path}/polling"), null, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
    }

    [Fact]
    public async Task A_stop_tells_pollers_and_closes_them_with_what_was_committed()
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(time: time);
        await using var client = await PollClient.GreetAsync(host);
        var session = await client.OpenDocumentAsync(host);
        host.Documents.Draining = _ =>
        {
            for (var i = 0; i < 100; i++)
                session.Commit(4 * 1024);
            return Task.CompletedTask;
        };
        var stopping = host.App.StopAsync(TestContext.Current.CancellationToken);
        Assert.NotNull((await client.ReceiveAsync()).GoingAway);
        await using var late = PollClient.At(host);
        using var refused = await late.OpenAsync();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.NotNull(refused.Headers.RetryAfter);
        time.Advance(new CloudSyncOptions().DrainWindow * 0.75);
        await client.ReceiveCommittedAsync(0, 100);
        Assert.Equal(4000, await client.ReceiveCloseAsync());
        await stopping;
        Assert.True(session.IsDisposed);
    }

    [Fact]
    public async Task Why_it_was_closed_is_told_again_to_a_client_whose_answer_got_lost()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await PollClient.OpenAsync(host);
        await client.SendAsync(Messages.Ping);
        var error = (await client.ReceiveAsync()).Error;
        Assert.Equal(ErrorCode.HelloExpected, error.Code);
        for (var i = 0; i < 3; i++)
            Assert.Equal("close", Assert.Single(await client.PollAsync(client.After)).Name);
        Assert.Equal(4104, await client.ReceiveCloseAsync());
        Assert.Equal(HttpStatusCode.Gone, await client.PostAsync(2, Messages.Frame(Messages.Ping).ToByteArray()));
    }
}
