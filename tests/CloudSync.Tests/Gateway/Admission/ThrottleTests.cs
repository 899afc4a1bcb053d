// Who sends too fast is read from more slowly, and is closed if that doesn't end.

using CloudSync.Protocol.V1;
using Google.Protobuf;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Tests.Gateway.Admission;

public sealed class ThrottleTests
{
    private static readonly TimeSpan _step = TimeSpan.FromMilliseconds(10);

    [Fact]
    public async Task Messages_beyond_the_rate_are_answered_when_their_time_has_come()
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(static options => options.Limits.MessagesPerSecond = 10, time);
        await using var client = await host.GreetAsync();
        // The Hello was one of them; two seconds' worth come at once.
        for (var i = 0; i < 29; i++)
            await client.SendAsync(Messages.Ping);
        for (var i = 0; i < 19; i++)
            Assert.NotNull((await client.ReceiveAsync()).Pong);
        var passed = await PassAsync(time, async () =>
        {
            for (var i = 0; i < 10; i++)
                Assert.NotNull((await client.ReceiveAsync()).Pong);
        });
        Assert.True(passed >= TimeSpan.FromSeconds(1), $"Ten messages were taken within {passed}.");
    }

    [Fact]
    public async Task Bytes_beyond_the_rate_are_taken_when_their_time_has_come_and_the_heartbeat_waits_for_it()
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(
            static options =>
            {
                options.Limits.BytesPerSecond = 10_000;
                options.HeartbeatInterval = TimeSpan.FromSeconds(1);
                options.HeartbeatTimeout = TimeSpan.FromSeconds(2);
            },
            time);
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Open("d"));
        var session = await host.Documents.NextSessionAsync();
        await client.SendAsync(Messages.Submit("d", 0, 1, new byte[100_000]));
        var passed = await PassAsync(time, async () => await session.NextSubmitAsync());
        Assert.True(passed >= TimeSpan.FromSeconds(8), $"100,000 bytes were taken within {passed}.");
        await client.PingAsync();
    }

    [Fact]
    public async Task A_flood_in_one_frame_is_closed_by_name_and_none_of_it_is_done()
    {
        await using var host = await GatewayHost.StartAsync(static options => options.Limits.MessagesPerSecond = 100, new FakeTimeProvider());
        await using var neighbour = await host.GreetAsync(2);
        await using var client = await host.GreetAsync();
        await client.SendBytesAsync(Messages.Frame([.. Enumerable.Repeat(Messages.Ping, 100_000)]).ToByteArray());
        var error = (await client.ReceiveAsync()).Error;
        Assert.Equal(
            (ErrorCode.RateLimited, Retry.Later, "MessagesPerSecond", 100ul), (error.Code, error.Retry, error.Limit, error.LimitValue));
        Assert.Equal(4008, await client.ReceiveCloseAsync());
        await neighbour.PingAsync();
    }

    [Fact]
    public async Task A_flood_that_does_not_end_is_closed_by_name()
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(
            static options =>
            {
                options.Limits.MessagesPerSecond = 10;
                options.ThrottleTimeout = TimeSpan.FromSeconds(5);
            },
            time);
        await using var client = await host.GreetAsync();
        for (var i = 0; i < 100; i++)
            await client.SendAsync(Messages.Ping);
        var answered = 0;
        Error? error = null;
        await PassAsync(time, async () =>
        {
            while (error is null)
            {
                var message = await client.ReceiveAsync();
                error = message.Error;
                answered += message.Pong is null ? 0 : 1;
            }
        });
        Assert.Equal((ErrorCode.RateLimited, "MessagesPerSecond"), (error!.Code, error.Limit));
        Assert.Equal(4008, await client.ReceiveCloseAsync());
        // What was saved up, and five seconds of the rate.
        Assert.InRange(answered, 60, 70);
    }

    // Lets time pass until something is done; returns how much did.
    private static async Task<TimeSpan> PassAsync(FakeTimeProvider time, Func<Task> act)
    {
        var start = time.GetTimestamp();
        var acting = act();
        while (!acting.IsCompleted)
        {
            time.Advance(_step);
            await Task.WhenAny(acting, Task.Delay(1, TestContext.Current.CancellationToken));
        }

        await acting;
        return time.GetElapsedTime(start);
    }
}
