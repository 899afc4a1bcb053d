// Out of who showed whom, and who was there: how long presence was wrong, and under which fault.

using CloudSync.Chaos.History;
using CloudSync.Chaos.Reporting;
using Xunit;

namespace CloudSync.Chaos.Tests;

public sealed class PresenceLapsesTests
{
    private readonly List<HistoryEvent> _events = [];

    private void State(long ms, string session, string state) =>
        _events.Add(new HistoryEvent { Kind = EventKind.State, At = ms * 1_000, Session = session, Document = "d", What = state });

    private void Shown(long ms, string session, params string[] people) =>
        _events.Add(new HistoryEvent { Kind = EventKind.Shown, At = ms * 1_000, Session = session, Document = "d", People = people });

    private void Fault(long ms, EventKind kind, long number, string what) =>
        _events.Add(new HistoryEvent { Kind = kind, At = ms * 1_000, Number = number, What = what });

    [Fact]
    public void Two_who_come_are_unseen_until_they_are_shown()
    {
        State(0, "ada", "Live");
        State(100, "bob", "Live");
        Shown(130, "bob", "ada");
        Shown(150, "ada", "bob");
        Assert.Equal(
            [new PresenceLapse(PresenceLapses.NoFault, IsGhost: false, 30), new PresenceLapse(PresenceLapses.NoFault, IsGhost: false, 50)],
            PresenceLapses.Of(_events));
    }

    [Fact]
    public void Who_has_left_is_a_ghost_until_nobody_shows_him_and_the_fault_it_began_under_is_named()
    {
        State(0, "ada", "Live");
        Shown(1, "ada", "roamer-1.1");
        State(2, "roamer-1.1", "Live");
        Fault(10, EventKind.FaultBegins, 1, "kill-redis");
        State(20, "roamer-1.1", "Closed");
        Fault(30, EventKind.FaultHealed, 1, "kill-redis");
        Shown(3_020, "ada");
        Assert.Equal(new PresenceLapse("kill-redis", IsGhost: true, 3_000), Assert.Single(PresenceLapses.Of(_events)));
    }

    [Fact]
    public void Whoever_is_offline_is_neither_asked_nor_looked_for()
    {
        State(0, "ada", "Live");
        State(0, "bob", "Offline");
        State(1_000, "ada", "Offline");
        State(1_001, "bob", "Live");
        Shown(2_000, "ada", "bob");
        Assert.Empty(PresenceLapses.Of(_events));
    }

    [Fact]
    public void What_begins_long_after_a_fault_or_under_two_is_told_apart()
    {
        State(0, "ada", "Live");
        Fault(1, EventKind.FaultBegins, 1, "kill-redis");
        Fault(2, EventKind.FaultHealed, 1, "kill-redis");
        Fault(3, EventKind.FaultBegins, 2, "kill-nginx");
        Fault(4, EventKind.FaultBegins, 3, "kill-gateway");
        State(5, "bob", "Live");
        Shown(6, "bob", "ada");
        Shown(6, "ada", "bob");
        Fault(7, EventKind.FaultHealed, 2, "kill-nginx");
        Fault(8, EventKind.FaultHealed, 3, "kill-gateway");
        State(9_000, "eve", "Live");
        Shown(9_001, "eve", "ada", "bob");
        Shown(9_001, "ada", "bob", "eve");
        Shown(9_001, "bob", "ada", "eve");
        Assert.Equal(
            [FaultImpact.TwoAtOnce, FaultImpact.TwoAtOnce, PresenceLapses.NoFault, PresenceLapses.NoFault, PresenceLapses.NoFault, PresenceLapses.NoFault],
            PresenceLapses.Of(_events).Select(static lapse => lapse.Fault));
    }
}
