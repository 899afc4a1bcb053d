// Pieces between one who sends and one who polls, without requests around them.

using CloudSync.Gateway.Polling;
using Xunit;

namespace CloudSync.Tests.Gateway.Polling;

public sealed class PolledOutputTests
{
    private readonly PolledOutput _output = new();

    [Fact]
    public async Task A_piece_that_is_acknowledged_before_its_writer_knows_that_it_is_written_is_acknowledged()
    {
        var poll = _output.BeginPoll(0);
        var sending = _output.SendAsync(new byte[10], endsFrame: true).AsTask();
        Assert.False(_output.Acknowledge(1));
        Assert.Equal(PollFind.Piece, await poll.NextAsync());
        Assert.False(sending.IsCompleted);
        Assert.True(_output.Acknowledge(1));
        await sending;
        Assert.Equal(0, _output.KeptBytes);
        poll.Told(0);
        // And the poll goes on with the next.
        sending = _output.SendAsync(new byte[10], endsFrame: true).AsTask();
        Assert.Equal(PollFind.Piece, await poll.NextAsync());
        Assert.Equal(2, poll.Current!.Number);
        poll.Told(0);
        await sending;
    }

    [Fact]
    public async Task A_sender_waits_while_the_window_is_full()
    {
        var poll = _output.BeginPoll(0);
        var piece = new byte[PolledOutput.WindowBytes / 4];
        for (var i = 0; i < 4; i++)
        {
            var sent = _output.SendAsync(piece, endsFrame: false);
            Assert.Equal(PollFind.Piece, await poll.NextAsync());
            poll.Told(0);
            await sent;
        }

        Assert.False(poll.HasMore);
        var fifth = _output.SendAsync(piece, endsFrame: true);
        Assert.False(poll.HasMore);
        Assert.True(_output.Acknowledge(1));
        Assert.Equal(PollFind.Piece, await poll.NextAsync());
        poll.Told(0);
        await fifth;
    }

    [Fact]
    public async Task A_later_poll_gets_what_was_not_acknowledged_and_the_earlier_is_over()
    {
        var first = _output.BeginPoll(0);
        for (var i = 0; i < 3; i++)
        {
            var sent = _output.SendAsync(new byte[] { (byte)i }, endsFrame: true);
            await first.NextAsync();
            first.Told(0);
            await sent;
        }

        var waiting = first.NextAsync();
        Assert.True(_output.Acknowledge(1));
        var second = _output.BeginPoll(0);
        Assert.Equal(PollFind.Over, await waiting);
        Assert.Equal(PollFind.Piece, await second.NextAsync());
        Assert.Equal(2, second.Current!.Number);
        Assert.True(_output.Acknowledge(3));
        _output.Close(4000, "Bye.");
        Assert.Equal(PollFind.Closed, await second.NextAsync());
        Assert.Equal((4000, "Bye."), second.Closure);
    }

    [Fact]
    public async Task An_abort_ends_whoever_waits()
    {
        var poll = _output.BeginPoll(0);
        var waiting = poll.NextAsync();
        _output.Abort();
        Assert.Equal(PollFind.Aborted, await waiting);
        await Assert.ThrowsAsync<System.Net.WebSockets.WebSocketException>(
            async () => await _output.SendAsync(new byte[1], endsFrame: true));
    }
}
