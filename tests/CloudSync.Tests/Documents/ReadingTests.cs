// What a session is sent: snapshots, batches, catch-up from any version, and the document's past.

using CloudSync.Documents;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Tests.Documents;

public sealed class ReadingTests : IAsyncLifetime
{
    private const int ManyOperations = 5_000;

    private readonly TemporaryDirectory _directory = new();
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch.AddYears(56));
    private DocumentsHost _host = null!;
    private ulong _nextWriter = 100;

    public async ValueTask InitializeAsync()
    {
        _host = await DocumentsHost.StartAsync(_directory.File("log.db"), time: _time);
        await _host.Service.CreateAsync(
            "d", "rich-text", "Title", "", Delta.FromPlainText("hello").Bytes, CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _directory.Dispose();
    }

    private static Delta Insert(int position, string text) => Delta.Build().Retain(position).Insert(text).ToDelta();

    // Each writer is a client of its own: one that came back and numbered anew from 1 would be taken for a resend.
    private async Task WriteAsync(int operations)
    {
        using var writer = await _host.OpenAsync("d", _nextWriter++);
        for (var i = 0; i < operations; i++)
        {
            writer.Submit(Insert(5, "x"));
            await writer.ReachAsync(writer.Version + 1);
        }
    }

    [Fact]
    public async Task Opening_from_nothing_gives_a_snapshot_of_the_head()
    {
        using var session = await _host.OpenAsync("d", 1);
        var opened = session.Messages[0].Opened;
        Assert.Equal("rich-text", opened.Type);
        Assert.Equal("Title", opened.Title);
        Assert.Equal(1UL, opened.Version);
        Assert.Equal(1UL, opened.Head);
        Assert.Equal("hello", session.Text);
    }

    [Fact]
    public async Task Opening_from_a_version_gives_what_came_after_and_no_snapshot()
    {
        await WriteAsync(3);
        using var session = await _host.OpenAsync("d", 1, fromVersion: 2);
        await session.ReachAsync(4);
        Assert.False(session.Messages[0].Opened.HasSnapshot);
        Assert.Equal(2UL, session.Messages[0].Opened.Version);
        Assert.Equal(4UL, session.Messages[0].Opened.Head);
    }

    [Fact]
    public async Task Opening_from_a_version_that_does_not_exist_is_refused()
    {
        var refused = await Assert.ThrowsAsync<RefusedException>(() => _host.OpenAsync("d", 1, fromVersion: 7));
        Assert.Equal(ErrorCode.VersionUnknown, refused.Refusal.Code);
        Assert.Equal(Retry.Never, refused.Refusal.Retry);
    }

    [Fact]
    public async Task Those_who_join_while_others_write_share_a_snapshot_and_get_what_came_after()
    {
        using var first = await _host.OpenAsync("d", 1);
        await WriteAsync(10);
        using var second = await _host.OpenAsync("d", 2);
        await second.ReachAsync(11);
        Assert.Equal(first.Messages[0].Opened, second.Messages[0].Opened);
        Assert.Equal("hello" + new string('x', 10), second.Text);
    }

    [Fact]
    public async Task Who_is_far_behind_is_caught_up_from_the_log_in_composed_runs_that_leave_its_own_operations_alone()
    {
        using var slow = await _host.OpenAsync("d", 1);
        slow.Submit(Insert(0, ">"));
        using (var witness = await _host.OpenAsync("d", 2))
            await witness.ReachAsync(2);
        await WriteAsync(ManyOperations);
        await slow.ReachAsync(ManyOperations + 2);
        Assert.Equal(">hell" + new string('x', ManyOperations) + "o", slow.Text);
        var operations = slow.Messages.Where(message => message.BodyCase == ServerMessage.BodyOneofCase.Committed)
            .SelectMany(message => message.Committed.Operations).ToList();
        Assert.True(operations.Count < ManyOperations / 2, $"{operations.Count} operations were sent one by one");
        Assert.Contains(operations, operation => operation.Count > 1);
        Assert.Single(operations, operation => operation.ClientId == 1);
        Assert.Single(slow.Acknowledged);
        Assert.Equal(
            Delta.FromState((await _host.Service.ReadAsync("d", null, CancellationToken.None)).State), slow.Content);
    }

    [Fact]
    public async Task An_operation_on_a_version_of_long_ago_is_transformed_over_everything_since()
    {
        await WriteAsync(ManyOperations);
        using var offline = await _host.OpenAsync("d", 1);
        offline.Submit(Insert(5, "!"), baseVersion: 1, sequence: 1);
        await offline.ReachAsync(ManyOperations + 2);
        Assert.Equal("hello" + new string('x', ManyOperations) + "!", offline.Text);

        // Sent again after as much again, it is found where it was committed.
        await WriteAsync(ManyOperations);
        offline.Submit(Insert(5, "!"), baseVersion: 1, sequence: 1);
        await offline.ReadUntilAsync(() => offline.Acknowledged.Count == 2);
        Assert.Equal([ManyOperations + 2L, ManyOperations + 2L], offline.Acknowledged);
    }

    [Fact]
    public async Task An_operation_larger_than_what_is_kept_of_the_newest_reaches_those_who_keep_up_without_the_log()
    {
        using var writer = await _host.OpenAsync("d", 1);
        using var reader = await _host.OpenAsync("d", 2);
        writer.Submit(Insert(0, new string('x', 700_000)));
        await writer.ReachAsync(2);
        await reader.ReachAsync(2);
        Assert.Equal(0, writer.CaughtUp + reader.CaughtUp);
        Assert.Equal(700_005, reader.Text.Length);
    }

    [Fact]
    public async Task Every_version_and_every_moment_can_be_read()
    {
        var moments = new List<DateTimeOffset>();
        for (var version = 1; version <= 30; version++)
        {
            moments.Add(_time.GetUtcNow());
            _time.Advance(TimeSpan.FromSeconds(1));
            await WriteAsync(1);
        }

        for (var version = 1; version <= 30; version++)
        {
            var expected = "hello" + new string('x', version - 1);
            var byVersion = await _host.Service.ReadAsync("d", version, CancellationToken.None);
            Assert.Equal(expected, Delta.FromState(byVersion.State).ToPlainText());
            var byMoment = await _host.Service.ReadAtAsync("d", moments[version - 1], CancellationToken.None);
            Assert.Equal(version, byMoment.Version);
            Assert.Equal(expected, Delta.FromState(byMoment.State).ToPlainText());
        }

        var before = await _host.Service.ReadAtAsync("d", moments[0].AddSeconds(-1), CancellationToken.None);
        Assert.Equal(0, before.Version);
        var refused = await Assert.ThrowsAsync<RefusedException>(
            () => _host.Service.ReadAsync("d", 32, CancellationToken.None));
        Assert.Equal(ErrorCode.VersionUnknown, refused.Refusal.Code);
    }

    [Fact]
    public async Task A_document_that_nobody_uses_leaves_memory_with_a_snapshot_and_comes_back_whole()
    {
        await WriteAsync(150);
        Assert.Equal(1, _host.Documents.Count);
        _time.Advance(new CloudSyncOptions().DocumentIdleTimeout + TimeSpan.FromSeconds(2));
        Assert.Equal(0, _host.Documents.Count);
        using var session = await _host.OpenAsync("d", 1);
        Assert.Equal("hello" + new string('x', 150), session.Text);
    }

    [Fact]
    public async Task A_document_that_somebody_has_open_stays_in_memory()
    {
        using var session = await _host.OpenAsync("d", 1);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(1, _host.Documents.Count);
    }

    [Fact]
    public async Task Deleting_closes_the_document_for_those_who_have_it_open_and_for_good()
    {
        using var session = await _host.OpenAsync("d", 1);
        await _host.Service.DeleteAsync("d", CancellationToken.None);
        await session.ReadUntilAsync(() => session.Closed == ClosedReason.Deleted);
        var refused = await Assert.ThrowsAsync<RefusedException>(() => _host.OpenAsync("d", 1));
        Assert.Equal(ErrorCode.DocumentNotFound, refused.Refusal.Code);
        Assert.Equal(0, _host.Documents.Count);
    }

    [Fact]
    public async Task Renaming_is_told_to_those_who_have_the_document_open()
    {
        using var session = await _host.OpenAsync("d", 1);
        await _host.Service.RenameAsync("d", "Another", CancellationToken.None);
        await session.ReadUntilAsync(() => session.Title == "Another");
        using var later = await _host.OpenAsync("d", 2);
        Assert.Equal("Another", later.Title);
    }

    [Fact]
    public async Task Draining_commits_what_was_taken_and_takes_nothing_more()
    {
        using var session = await _host.OpenAsync("d", 1);
        var held = new TaskCompletionSource();
        _host.Log.BeforeAppend = () => held.Task;
        session.Submit(Insert(0, "x"));
        var draining = _host.Documents.DrainAsync(CancellationToken.None);
        Assert.False(draining.IsCompleted);
        session.Submit(Insert(0, "y"), 2, 2);
        await session.ReadUntilAsync(() => session.Errors.Count == 1);
        Assert.Equal(ErrorCode.ShuttingDown, session.Errors[0].Code);
        held.SetResult();
        await draining;
        await session.ReachAsync(2);
        Assert.Equal("xhello", session.Text);
    }
}
