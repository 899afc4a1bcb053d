// What becomes of an operation that a session submits.

using CloudSync.Documents;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using Xunit;

namespace CloudSync.Tests.Documents;

public sealed class SubmissionTests : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();
    private DocumentsHost _host = null!;

    public async ValueTask InitializeAsync()
    {
        _host = await StartAsync();
        await _host.Service.CreateAsync(
            "d", "text", "D", "", Delta.FromPlainText("hello").Bytes, CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _directory.Dispose();
    }

    private Task<DocumentsHost> StartAsync(Action<CloudSyncOptions>? configure = null) =>
        DocumentsHost.StartAsync(_directory.File("log.db"), configure: configure);

    private static Delta Insert(int position, string text) => Delta.Build().Retain(position).Insert(text).ToDelta();

    [Fact]
    public async Task An_operation_reaches_everybody_who_has_the_document_open()
    {
        using var one = await _host.OpenAsync("d", 1);
        using var two = await _host.OpenAsync("d", 2);
        one.Submit(Insert(5, " world"));
        await one.ReachAsync(2);
        await two.ReachAsync(2);
        Assert.Equal("hello world", one.Text);
        Assert.Equal("hello world", two.Text);
        Assert.Equal([2L], one.Acknowledged);
        Assert.Empty(two.Acknowledged);
    }

    [Fact]
    public async Task Of_two_inserts_at_one_position_the_one_committed_first_stands_first()
    {
        using var one = await _host.OpenAsync("d", 1);
        using var two = await _host.OpenAsync("d", 2);
        one.Submit(Insert(5, "1"), baseVersion: 1, sequence: 1);
        await one.ReachAsync(2);
        two.Submit(Insert(5, "2"), baseVersion: 1, sequence: 1);
        await two.ReachAsync(3);
        Assert.Equal("hello12", two.Text);
    }

    [Fact]
    public async Task A_resent_operation_is_acknowledged_and_not_applied_again()
    {
        using var one = await _host.OpenAsync("d", 1);
        one.Submit(Insert(0, "x"), baseVersion: 1, sequence: 1);
        await one.ReachAsync(2);
        one.Submit(Insert(0, "x"), baseVersion: 1, sequence: 1);
        await one.ReadUntilAsync(() => one.Acknowledged.Count == 2);
        Assert.Equal([2L, 2L], one.Acknowledged);
        Assert.Equal("xhello", one.Text);
        Assert.Equal(2, (await _host.Service.GetAsync("d", CancellationToken.None)).Head);
    }

    [Fact]
    public async Task An_operation_resent_on_a_new_session_after_a_restart_is_found_in_the_log()
    {
        using (var one = await _host.OpenAsync("d", 1))
        {
            one.Submit(Insert(0, "x"), baseVersion: 1, sequence: 1);
            await one.ReachAsync(2);
        }

        await _host.DisposeAsync();
        _host = await StartAsync();
        using var again = await _host.OpenAsync("d", 1);
        again.Submit(Insert(0, "x"), baseVersion: 1, sequence: 1);
        await again.ReadUntilAsync(() => again.Acknowledged.Count == 1);
        Assert.Equal([2L], again.Acknowledged);
        Assert.Equal("xhello", again.Text);
    }

    [Fact]
    public async Task The_same_operation_twice_in_one_batch_is_committed_once()
    {
        using var one = await _host.OpenAsync("d", 1);
        var held = new TaskCompletionSource();
        _host.Log.BeforeAppend = () => held.Task;
        using var two = await _host.OpenAsync("d", 2);
        two.Submit(Insert(0, "-"));
        one.Submit(Insert(0, "x"), baseVersion: 1, sequence: 1);
        one.Submit(Insert(0, "x"), baseVersion: 1, sequence: 1);
        held.SetResult();
        await one.ReadUntilAsync(() => one.Acknowledged.Count == 2);
        Assert.Equal([3L, 3L], one.Acknowledged);
        Assert.Equal("-xhello", one.Text);
    }

    [Fact]
    public async Task An_operation_made_without_knowing_the_clients_own_earlier_one_is_refused()
    {
        using var one = await _host.OpenAsync("d", 1);
        one.Submit(Insert(0, "a"), baseVersion: 1, sequence: 1);
        one.Submit(Insert(1, "b"), baseVersion: 1, sequence: 2);
        await one.ReadUntilAsync(() => one.Errors.Count == 1 && one.Version == 2);
        Assert.Equal(ErrorCode.SequenceOutOfOrder, one.Errors[0].Code);
        Assert.Equal(2UL, one.Errors[0].ClientSeq);
        Assert.Equal(Retry.Reopen, one.Errors[0].Retry);
        Assert.Equal("ahello", one.Text);
    }

    public static TheoryData<string, ErrorCode> BadOperations => new()
    {
        { "past the end", ErrorCode.OperationOutOfRange },
        { "past the end at its base", ErrorCode.OperationOutOfRange },
        { "attributes in plain text", ErrorCode.OperationNotAllowedByType },
        { "malformed", ErrorCode.OperationMalformed },
        { "not UTF-8", ErrorCode.OperationMalformed },
        { "too large", ErrorCode.OperationTooLarge },
        { "document too large", ErrorCode.DocumentTooLarge },
        { "a version that does not exist", ErrorCode.VersionUnknown },
        { "sequence 0", ErrorCode.SequenceOutOfOrder },
        { "half a surrogate pair", ErrorCode.OperationSplitsSurrogatePair },
    };

    [Theory]
    [MemberData(nameof(BadOperations))]
    public async Task A_bad_operation_is_refused_by_name_and_changes_nothing(string what, ErrorCode expected)
    {
        await _host.DisposeAsync();
        _host = await StartAsync(options =>
        {
            options.Limits.OperationBytes = 1_000;
            options.Limits.DocumentLength = 100;
        });
        using var bad = await _host.OpenAsync("d", 1);
        using var neighbour = await _host.OpenAsync("d", 2);
        neighbour.Submit(Insert(5, "😀"));
        await bad.ReachAsync(2);
        await neighbour.ReachAsync(2);

        switch (what)
        {
            case "past the end":
                bad.Submit(Insert(8, "x"));
                break;
            case "past the end at its base":
                bad.Submit(Insert(6, "x"), baseVersion: 1, sequence: 1);
                break;
            case "attributes in plain text":
                bad.Submit(Delta.ParseJson("""{"ops":[{"insert":"x","attributes":{"bold":true}}]}"""));
                break;
            case "malformed":
                bad.Session.Submit(2, 1, [0xFF, 0xFF, 0xFF]);
                break;
            case "not UTF-8":
                bad.Session.Submit(2, 1, [(2 << 3) | 2, 0xC3, 0x28]);
                break;
            case "too large":
                bad.Submit(Delta.FromPlainText(new string('x', 2_000)));
                break;
            case "document too large":
                bad.Submit(Delta.FromPlainText(new string('x', 95)));
                break;
            case "a version that does not exist":
                bad.Submit(Insert(0, "x"), baseVersion: 9, sequence: 1);
                break;
            case "sequence 0":
                bad.Submit(Insert(0, "x"), baseVersion: 2, sequence: 0);
                break;
            default:
                bad.Submit(Insert(6, "x"));
                break;
        }

        await bad.ReadUntilAsync(() => bad.Errors.Count == 1);
        Assert.Equal(expected, bad.Errors[0].Code);
        Assert.Equal("d", bad.Errors[0].DocumentId);
        Assert.NotEmpty(bad.Errors[0].Message);

        // Nothing has changed, and both go on.
        neighbour.Submit(Insert(7, "!"));
        bad.Submit(Insert(0, "?"), bad.Version, 7);
        await neighbour.ReachAsync(4);
        await bad.ReachAsync(4);
        Assert.Equal("?hello😀!", neighbour.Text);
        Assert.Equal("?hello😀!", bad.Text);
    }

    [Fact]
    public async Task Formatting_that_makes_a_document_too_large_is_refused_with_the_limits_name()
    {
        await _host.DisposeAsync();
        _host = await StartAsync(options => options.Limits.DocumentBytes = 10_000);
        await _host.Service.CreateAsync("rich", "rich-text", "", "", default, CancellationToken.None);
        using var one = await _host.OpenAsync("rich", 1);
        var build = Delta.Build();
        for (var i = 0; i < 100; i++)
            build.Insert("x", new() { ["n"] = i });
        one.Submit(build.ToDelta());
        await one.ReachAsync(1);
        one.Submit(Delta.Build().Retain(100, new() { ["huge"] = new string('y', 1_000) }).ToDelta());
        await one.ReadUntilAsync(() => one.Errors.Count == 1);
        Assert.Equal(ErrorCode.DocumentTooLarge, one.Errors[0].Code);
        Assert.Equal("DocumentBytes", one.Errors[0].Limit);
        Assert.Equal(10_000UL, one.Errors[0].LimitValue);
        one.Submit(Insert(0, "fine"), 1, 9);
        await one.ReachAsync(2);

        var content = Delta.FromPlainText(new string('x', 10_001)).Bytes;
        var refused = await Assert.ThrowsAsync<RefusedException>(
            () => _host.Service.CreateAsync("large", "text", "", "", content, CancellationToken.None));
        Assert.Equal("DocumentBytes", refused.Refusal.Limit);
    }

    [Fact]
    public async Task A_session_that_sends_without_waiting_is_refused_beyond_its_limit()
    {
        var limit = new CloudSyncOptions().Limits.PendingPerSession;
        using var one = await _host.OpenAsync("d", 1);
        var held = new TaskCompletionSource();
        _host.Log.BeforeAppend = () => held.Task;
        for (var i = 0; i <= limit; i++)
            one.Submit(Insert(0, "x"), 1, (ulong)i + 1);
        await one.ReadUntilAsync(() => one.Errors.Any(error => error.Code == ErrorCode.TooManyPending));
        var refused = one.Errors.Single(error => error.Code == ErrorCode.TooManyPending);
        Assert.Equal(Retry.Later, refused.Retry);
        Assert.Equal("PendingPerSession", refused.Limit);
        Assert.Equal((ulong)limit, refused.LimitValue);
        held.SetResult();
        await one.ReachAsync(2);
    }

    [Fact]
    public async Task Operations_that_wait_while_an_append_is_under_way_are_committed_together()
    {
        var sessions = new List<TestSession>();
        for (var i = 0; i < 20; i++)
            sessions.Add(await _host.OpenAsync("d", (ulong)i + 1));
        var first = new TaskCompletionSource();
        _host.Log.BeforeAppend = () => first.Task;
        var before = _host.Log.Appends;
        foreach (var session in sessions)
            session.Submit(Insert(5, "x"));
        first.SetResult();
        foreach (var session in sessions)
            await session.ReachAsync(21);
        Assert.True(_host.Log.Appends - before <= 3, $"{_host.Log.Appends - before} appends");
        Assert.All(sessions, session => Assert.Equal("hello" + new string('x', 20), session.Text));
        sessions.ForEach(session => session.Dispose());
    }

    [Fact]
    public async Task An_edit_by_the_server_itself_is_committed_like_anybodys()
    {
        using var one = await _host.OpenAsync("d", 1);
        var edit = new DocumentEdit(Insert(0, ">").Bytes, Author: "robot");
        var committed = await _host.Service.AppendAsync("d", edit, CancellationToken.None);
        await one.ReachAsync(2);
        Assert.Equal(2, committed.Version);
        Assert.Equal("robot", committed.Author);
        Assert.Equal(">hello", one.Text);
    }

    [Fact]
    public async Task A_named_edit_by_the_server_is_applied_once_however_often_it_is_sent()
    {
        var edit = new DocumentEdit(Insert(0, ">").Bytes, BaseVersion: 1, Author: "robot", ClientId: 77, ClientSequence: 1);
        var first = await _host.Service.AppendAsync("d", edit, CancellationToken.None);
        await _host.Service.AppendAsync("d", new DocumentEdit(Insert(0, "-").Bytes), CancellationToken.None);
        var again = await _host.Service.AppendAsync("d", edit, CancellationToken.None);
        Assert.Equal(first.Version, again.Version);
        Assert.Equal(first.Author, again.Author);
        Assert.Equal(first.CommittedAt, again.CommittedAt);
        Assert.True(first.Bytes.Span.SequenceEqual(again.Bytes.Span));
        var refused = await Assert.ThrowsAsync<RefusedException>(() =>
            _host.Service.AppendAsync("d", edit with { BaseVersion = null }, CancellationToken.None));
        Assert.Equal(ErrorCode.VersionUnknown, refused.Refusal.Code);
    }
}
