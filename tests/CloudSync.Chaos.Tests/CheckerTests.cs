// The checker finds each thing that must not be, and nothing in a history where all is well.

using CloudSync.Chaos.Checking;
using CloudSync.Chaos.History;
using CsCheck;
using Xunit;

namespace CloudSync.Chaos.Tests;

public sealed class CheckerTests
{
    private readonly SoundHistory _history = SoundHistory.Create(seed: 1);

    [Fact]
    public void Nothing_is_found_in_a_sound_history() =>
        Gen.Select(Gen.Int, Gen.Int[1, 60], Gen.Int[1, 5]).Sample((seed, edits, writers) =>
        {
            var found = SoundHistory.Create(seed, edits, writers).Check();
            Assert.Empty(found.Anomalies.Found);
            Assert.Equal((edits, edits, edits), (found.Submitted, found.Acknowledged, found.Operations));
        });

    [Fact]
    public void An_acknowledged_operation_that_is_not_in_the_log_is_lost()
    {
        // The last: all others still fit.
        _history.ReplaceLog(_history.Log.SkipLast(1));
        AssertFound(Anomalies.Lost, "was acknowledged and isn't in the log");
    }

    [Fact]
    public void A_version_that_was_seen_beyond_the_end_of_the_log_is_lost()
    {
        _history.ReplaceLog(_history.Log.SkipLast(1));
        AssertFound(Anomalies.Lost, "saw version 30, and the log ends with version 29");
    }

    [Fact]
    public void An_operation_that_is_in_the_log_twice_is_duplicated()
    {
        _history.ReplaceLog([.. _history.Log, _history.Log[^1]]);
        AssertFound(Anomalies.Duplicated, "is version 30 and version 31");
        AssertFound(Anomalies.Duplicated, "is there twice");
    }

    [Fact]
    public void An_operation_that_nobody_submitted_is_a_phantom()
    {
        _history.ReplaceLog(_history.Log.Select(static entry => entry.Version == 7 ? entry with { Client = 99 } : entry));
        AssertFound(Anomalies.Phantom, "version 7");
    }

    [Fact]
    public void A_version_that_is_missing_is_a_gap()
    {
        var entries = _history.Log.ToList();
        entries.RemoveAt(10);
        _history.Log.Clear();
        _history.Log.AddRange(entries);
        AssertFound(Anomalies.Gap, "version 11 was to follow, and there is version 12");
    }

    [Fact]
    public void What_was_acknowledged_before_another_was_begun_and_comes_after_it_is_reordered()
    {
        _history.ReplaceLog([_history.Log[1], _history.Log[0], .. _history.Log.Skip(2)]);
        AssertFound(Anomalies.Reordered, "was acknowledged before");
    }

    [Fact]
    public void A_read_without_what_was_acknowledged_before_it_is_stale()
    {
        var (read, earlier) = (_history.Events.Last(static told => told.Kind == EventKind.Read), _history.Events.First(static told => told.Kind == EventKind.Read));
        _history.Change(told => told == read ? told with { Version = earlier.Version, Hash = earlier.Hash } : told);
        AssertFound(Anomalies.Stale, "was acknowledged before");
    }

    [Fact]
    public void A_read_of_an_old_version_that_was_asked_for_is_not_stale()
    {
        var (read, earlier) = (_history.Events.Last(static told => told.Kind == EventKind.Read), _history.Events.First(static told => told.Kind == EventKind.Read));
        _history.Change(told => told == read ? told with { Version = earlier.Version, Hash = earlier.Hash, IsPast = true } : told);
        Assert.Empty(_history.Check().Anomalies.Found);
    }

    [Fact]
    public void A_session_that_sees_an_older_version_than_before_goes_backwards()
    {
        var seen = _history.Events.Where(static told => told is { Kind: EventKind.Seen, Session: "reader" }).ToArray();
        _history.Change(told => told == seen[^1] ? told with { Version = seen[0].Version, Hash = seen[0].Hash } : told);
        AssertFound(Anomalies.Backwards, "reader saw version");
    }

    [Fact]
    public void A_session_that_does_not_see_its_own_acknowledged_edit_is_stale()
    {
        var first = _history.Events.First(static told => told.Kind == EventKind.Seen);
        _history.Change(told => told == first ? told with { Version = 0, Hash = null } : told);
        AssertFound(Anomalies.Stale, "after its edit in version");
    }

    [Theory]
    [InlineData(EventKind.Seen)]
    [InlineData(EventKind.Read)]
    [InlineData(EventKind.Final)]
    internal void Another_content_than_the_log_has_at_that_version_is_diverged(EventKind kind)
    {
        var spoilt = _history.Events.First(told => told.Kind == kind);
        _history.Change(told => told == spoilt ? told with { Hash = "0000000000000000" } : told);
        AssertFound(Anomalies.Diverged, "saw something else");
    }

    [Fact]
    public void A_replica_that_stays_behind_is_diverged()
    {
        var (final, hash) = (_history.Events.Last(static told => told.Kind == EventKind.Final), _history.Events.First(static told => told.Kind == EventKind.Seen).Hash);
        _history.Change(told => told == final ? told with { Version = 1, Hash = hash } : told);
        AssertFound(Anomalies.Diverged, "stays at version 1");
    }

    [Fact]
    public void A_document_that_is_not_what_was_typed_into_it_is_diverged()
    {
        _history.Events.Add(new HistoryEvent { Kind = EventKind.Expected, Document = SoundHistory.Document, Hash = "0000000000000000" });
        AssertFound(Anomalies.Diverged, "isn't what was typed");
    }

    [Fact]
    public void A_text_that_is_gone_and_that_nobody_deleted_is_lost()
    {
        _history.Change(static told => told.Deleted is null ? told : told with { Deleted = null });
        AssertFound(Anomalies.Lost, "is gone, and nobody deleted it");
    }

    [Fact]
    public void An_edit_that_was_handed_back_is_told()
    {
        _history.Events.Add(new HistoryEvent { Kind = EventKind.Refused, Document = SoundHistory.Document, Session = "writer-1", What = "VersionUnknown" });
        AssertFound(Anomalies.Refused, "VersionUnknown");
    }

    private void AssertFound(string kind, string words)
    {
        var found = _history.Check().Anomalies;
        Assert.Contains(found.Found, anomaly => anomaly.Kind == kind && anomaly.Sentence.Contains(words, StringComparison.Ordinal));
    }
}
