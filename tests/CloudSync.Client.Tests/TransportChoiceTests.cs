// Which way a client connects, by a clock that the test moves.

using Xunit;

namespace CloudSync.Client.Tests;

public sealed class TransportChoiceTests
{
    private readonly TransportChoice _choice = new(TransportKind.Auto);
    private TimeSpan _now;

    // What becomes of an attempt.
    private enum Fate
    {
        Fails,
        Answers,
        Works,
        TakesTooLong,
        IsCutOff,
        IsClosed,
    }

    [Fact]
    public void Two_websockets_that_fail_are_followed_by_plain_requests_at_once_and_by_one_again_when_those_fail() =>
        Assert.Equal(
            [(false, false), (false, true), (true, false), (false, true), (true, false), (false, true)],
            Enumerable.Range(0, 6).Select(_ => Attempt(Fate.Fails)).ToArray());

    [Fact]
    public void One_that_takes_too_long_is_enough_and_one_on_which_the_server_has_spoken_is_none()
    {
        for (var i = 0; i < 3; i++)
            Assert.Equal((false, false), Attempt(Fate.Answers));
        Assert.Equal((false, true), Attempt(Fate.TakesTooLong));
        Assert.Equal((true, false), Attempt(Fate.Fails));
    }

    [Fact]
    public void A_server_that_was_down_is_found_over_a_websocket_again()
    {
        for (var i = 0; i < 9; i++)
            Attempt(Fate.Fails);
        Assert.Equal((false, false), Attempt(Fate.Works));
        Assert.Equal((false, false), Attempt(Fate.Fails));
        Assert.Equal((false, true), Attempt(Fate.Fails));
    }

    [Fact]
    public void What_works_is_kept_to_and_websockets_are_tried_beside_it_more_and_more_rarely()
    {
        Attempt(Fate.TakesTooLong);
        Assert.Equal((true, false), Attempt(Fate.Works));
        Assert.Equal((true, false), Attempt(Fate.Works));
        Begin();
        _choice.Welcomed(_now);
        List<double> waits = [];
        for (var i = 0; i < 9; i++)
        {
            waits.Add((_choice.TrialAt!.Value - _now).TotalMinutes);
            _now = _choice.TrialAt.Value;
            _choice.TrialBegun();
            Assert.Null(_choice.TrialAt);
            _choice.TrialEnded(_now, held: false);
        }

        Assert.Equal([1, 2, 4, 8, 16, 32, 60, 60, 60], waits);
    }

    [Fact]
    public void A_websocket_that_holds_is_moved_to_and_one_failure_there_is_enough_to_come_back()
    {
        Attempt(Fate.TakesTooLong);
        Begin();
        _choice.Welcomed(_now);
        _now = _choice.TrialAt!.Value;
        _choice.TrialBegun();
        _choice.TrialEnded(_now, held: true);
        _choice.Ended(_now, ConnectionEnd.Told);
        Assert.Equal((false, true), Attempt(Fate.Fails));
        Begin();
        _choice.Welcomed(_now);
        Assert.Equal(2, (_choice.TrialAt!.Value - _now).TotalMinutes);
    }

    [Fact]
    public void Three_websockets_that_are_cut_off_soon_after_the_welcome_are_followed_by_plain_requests() =>
        Assert.Equal(
            [(false, false), (false, false), (false, true), (true, false)],
            ((Fate[])[Fate.IsCutOff, Fate.IsCutOff, Fate.IsCutOff, Fate.Works]).Select(Attempt).ToArray());

    [Fact]
    public void One_that_has_lasted_or_that_the_server_has_closed_is_not_among_them()
    {
        foreach (var fate in (Fate[])[Fate.IsCutOff, Fate.IsCutOff, Fate.Works, Fate.IsCutOff, Fate.IsClosed, Fate.IsClosed, Fate.IsCutOff])
            Assert.Equal((false, false), Attempt(fate));
        Assert.Equal((false, true), Attempt(Fate.IsCutOff));
    }

    [Fact]
    public void A_websocket_that_is_moved_to_and_cut_off_again_is_tried_more_and_more_rarely()
    {
        for (var i = 0; i < 3; i++)
            Attempt(Fate.IsCutOff);
        foreach (var minutes in (double[])[1, 2, 4])
        {
            Assert.True(Begin());
            _choice.Heard();
            _choice.Welcomed(_now);
            Assert.Equal(minutes, (_choice.TrialAt!.Value - _now).TotalMinutes);
            _now = _choice.TrialAt.Value;
            _choice.TrialBegun();
            _choice.TrialEnded(_now, held: true);
            _choice.Ended(_now, ConnectionEnd.Told);
            Assert.Equal((false, true), Attempt(Fate.IsCutOff));
        }
    }

    [Theory]
    [InlineData(TransportKind.WebSocket, false)]
    [InlineData(TransportKind.Polling, true)]
    [InlineData(TransportKind.ServerSentEvents, true)]
    public void Whoever_has_chosen_stays_with_it(TransportKind kind, bool polled)
    {
        TransportChoice choice = new(kind);
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(polled, choice.Begin(_now));
            Assert.False(choice.Ended(_now, ConnectionEnd.Decisive));
        }
    }

    [Theory]
    [InlineData(1006, false)]
    [InlineData(1011, false)]
    [InlineData(4000, true)]
    [InlineData(4106, true)]
    public void A_close_code_of_the_servers_own_says_that_it_was_there(int code, bool byServer) =>
        Assert.Equal(byServer, CloseCodes.Describe(code, "").ByServer);

    private bool Begin() => _choice.Begin(_now);

    // Whether it went over plain requests, and whether the other way is to be tried at once.
    private (bool Polled, bool AtOnce) Attempt(Fate fate)
    {
        var polled = Begin();
        if (fate is not (Fate.Fails or Fate.TakesTooLong))
            _choice.Heard();
        if (fate is Fate.Works or Fate.IsCutOff or Fate.IsClosed)
            _choice.Welcomed(_now);
        if (fate == Fate.Works && !polled)
            _now += TransportChoice.Holds;
        return (polled, _choice.Ended(_now, fate switch
        {
            Fate.TakesTooLong => ConnectionEnd.Decisive,
            Fate.IsClosed => ConnectionEnd.Told,
            _ => ConnectionEnd.Cut,
        }));
    }
}
