// What comes at the worst moment: while a document loads, while its log is being read, while it is being written.

using CloudSync.Documents;
using CloudSync.Fanout;
using CloudSync.Log;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using CloudSync.Tests.Shared;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Tests.Documents;

public sealed class RaceTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private Task<DocumentsHost> StartAsync(
        IFanout? fanout = null, TimeProvider? time = null, TimeSpan? headCheckInterval = null) => DocumentsHost.StartAsync(
        _directory.File("log.db"), fanout, options =>
        {
            // No test may pass because the heads are compared now and then, unless it is about that.
            options.HeadCheckInterval = headCheckInterval ?? TimeSpan.FromHours(1);
        }, time);

    private static Delta Insert(int position, string text) => Delta.Build().Retain(position).Insert(text).ToDelta();

    private static Task<DocumentRecord> CreateAsync(DocumentsHost host, string id = "d") =>
        host.Service.CreateAsync(id, "rich-text", "D", "", ReadOnlyMemory<byte>.Empty, CancellationToken.None);

    [Fact]
    public async Task An_edit_on_a_version_not_yet_heard_of_does_not_spoil_those_it_is_committed_with()
    {
        await using var here = await StartAsync();
        await using var elsewhere = await StartAsync();
        await CreateAsync(here);
        using var first = await here.OpenAsync("d", 1);
        using var second = await here.OpenAsync("d", 2);

        // While the first operation is written, two more come in. One of them is made on the version that another
        // gateway commits right after the first.
        var (writing, held) = (new TaskCompletionSource(), new TaskCompletionSource());
        here.Log.BeforeAppend = () =>
        {
            writing.TrySetResult();
            return held.Task;
        };
        var written = 0;
        here.Log.AfterAppend = () => written++ > 0 ? Task.CompletedTask : elsewhere.Service.AppendAsync(
            "d", new DocumentEdit(Insert(0, "22").Bytes), CancellationToken.None);
        first.Submit(Insert(0, "1"), 0, 1);
        await writing.Task;
        second.Submit(Insert(0, "a"), 0, 1);
        var edit = here.Service.AppendAsync(
            "d", new DocumentEdit(Insert(3, "z").Bytes, BaseVersion: 2), CancellationToken.None);
        held.SetResult();

        Assert.Equal(4, (await edit).Version);
        await second.ReachAsync(4);
        Assert.Equal("221az", second.Text);
        var stored = await elsewhere.Service.ReadAsync("d", 4, CancellationToken.None);
        Assert.Equal("221az", stored.ToDelta().ToPlainText());
    }

    [Fact]
    public async Task A_version_committed_elsewhere_while_the_log_was_being_read_is_not_unknown()
    {
        await using var here = await StartAsync();
        await using var elsewhere = await StartAsync();
        await CreateAsync(here);
        using var stays = await here.OpenAsync("d", 1);
        var (read, held) = HoldNextRead(here);
        here.Documents.Find("d")!.Hint(1);
        await read;
        using var writer = await elsewhere.OpenAsync("d", 3);
        writer.Submit(Insert(0, "x"));
        await writer.ReachAsync(1);
        var inTime = here.OpenAsync("d", 4, fromVersion: 1);
        held.SetResult();

        using var opened = await inTime;
        Assert.Equal(1, opened.Version);
    }

    [Fact]
    public async Task A_hint_that_comes_while_the_log_is_being_read_is_not_lost()
    {
        await using var here = await StartAsync();
        await using var elsewhere = await StartAsync();
        await CreateAsync(here);
        using var reader = await here.OpenAsync("d", 1);
        var (read, held) = HoldNextRead(here);
        here.Documents.Find("d")!.Hint(1);
        await read;
        await elsewhere.Service.AppendAsync("d", new DocumentEdit(Insert(0, "x").Bytes), CancellationToken.None);
        await elsewhere.Service.AppendAsync("d", new DocumentEdit(Insert(1, "y").Bytes), CancellationToken.None);
        here.Documents.Find("d")!.Hint(2);
        held.SetResult();

        await reader.ReachAsync(2);
        Assert.Equal("xy", reader.Text);
    }

    [Fact]
    public async Task What_is_committed_elsewhere_while_a_document_loads_is_seen_when_it_has_loaded()
    {
        var fanout = new InProcessFanout();
        await using var here = await StartAsync(fanout);
        await using var elsewhere = await StartAsync(fanout);
        await CreateAsync(here);
        var (found, held) = HoldNextFind(here);
        var opening = here.OpenAsync("d", 1);
        await found;
        var bold = Delta.ParseJson("""{"ops":[{"insert":"x","attributes":{"bold":true}}]}""");
        await elsewhere.Service.AppendAsync("d", new DocumentEdit(bold.Bytes), CancellationToken.None);
        held.SetResult();

        using var reader = await opening;
        await reader.ReachAsync(1);
        Assert.Equal("x", reader.Text);
    }

    [Fact]
    public async Task A_title_given_while_a_document_loads_is_not_lost()
    {
        await using var host = await StartAsync();
        await CreateAsync(host);
        var (found, held) = HoldNextFind(host);
        var opening = host.OpenAsync("d", 1);
        await found;
        await host.Service.RenameAsync("d", "New", CancellationToken.None);
        held.SetResult();

        using var reader = await opening;
        await reader.ReadUntilAsync(() => reader.Title == "New");
    }

    [Fact]
    public async Task A_document_that_is_being_loaded_is_read_from_the_log_with_its_own_type()
    {
        await using var host = await StartAsync();
        await CreateAsync(host);
        var (found, held) = HoldNextFind(host);
        var opening = host.OpenAsync("d", 1);
        await found;
        var content = await host.Service.ReadAsync("d", null, CancellationToken.None);
        Assert.Same(DocumentType.RichText, content.State.Type);
        held.SetResult();
        (await opening).Dispose();
    }

    [Fact]
    public async Task A_deletion_that_the_fan_out_lost_is_noticed_when_heads_are_compared()
    {
        await using var here = await StartAsync(headCheckInterval: TimeSpan.FromMilliseconds(100));
        await using var elsewhere = await StartAsync();
        await CreateAsync(here);
        using var reader = await here.OpenAsync("d", 1);
        reader.Submit(Insert(0, "x"));
        await reader.ReachAsync(1);
        await elsewhere.Service.DeleteAsync("d", CancellationToken.None);
        await reader.ReadUntilAsync(() => reader.Closed == ClosedReason.Deleted);
    }

    [Fact]
    public async Task An_edit_is_not_lost_when_everybody_leaves_and_the_document_is_to_be_unloaded_during_its_save()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(56));
        await using var host = await StartAsync(time: time);
        await CreateAsync(host);
        var (writing, held) = (new TaskCompletionSource(), new TaskCompletionSource());
        host.Log.BeforeAppend = () =>
        {
            writing.TrySetResult();
            return held.Task;
        };
        using (var leaving = await host.OpenAsync("d", 1))
        {
            leaving.Submit(Insert(0, "kept"));
            await writing.Task;
        }

        time.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(1, host.Documents.Count);
        var opening = host.OpenAsync("d", 2);
        held.SetResult();
        using (var back = await opening)
        {
            await back.ReachAsync(1);
            Assert.Equal("kept", back.Text);
        }

        // Now it may go, and comes back from the log.
        await UnloadAsync(host, time);
        using var again = await host.OpenAsync("d", 3);
        Assert.Equal("kept", again.Text);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_edit_whose_save_has_no_known_outcome_is_found_again_after_its_document_was_unloaded(bool logStaysDown)
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(56));
        await using var host = await StartAsync(time: time);
        await CreateAsync(host);
        var (written, held) = (new TaskCompletionSource(), new TaskCompletionSource());
        host.Log.AfterAppend = () =>
        {
            written.TrySetResult();
            return held.Task;
        };
        var (lost, down) = (0, logStaysDown);
        host.Log.FailAfterAppend = () => lost++ == 0;
        host.Log.FailRead = () => down;
        using (var leaving = await host.OpenAsync("d", 1))
        {
            leaving.Submit(Insert(0, "kept"));
            await written.Task;
        }

        time.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(1, host.Documents.Count);
        // The worker looks into the log for what became of it; or it gives up, as the log can't be read.
        held.SetResult();
        await UnloadAsync(host, time);
        down = false;

        using var back = await host.OpenAsync("d", 1);
        Assert.Equal("kept", back.Text);
        back.Submit(Insert(0, "kept"), 0, 1);
        await back.ReadUntilAsync(() => back.VersionOf.Count == 1);
        Assert.Equal(1, back.VersionOf[1]);
        Assert.Equal(1, (await host.Service.GetAsync("d", CancellationToken.None)).Head);
    }

    // Lets time pass until nothing keeps the document in memory: a worker that waits for the log, waits by this clock.
    private static Task UnloadAsync(DocumentsHost host, FakeTimeProvider time) => Eventually.IsAsync(
        () =>
        {
            time.Advance(TimeSpan.FromMinutes(1));
            return host.Documents.Count == 0;
        },
        "the document stays in memory");

    [Fact]
    public async Task A_big_document_that_takes_long_to_load_does_not_block_everybody_elses()
    {
        await using var host = await StartAsync();
        await CreateAsync(host, "slow");
        await CreateAsync(host, "quick");
        var held = new TaskCompletionSource();
        host.Log.AfterFind = id => id == "slow" ? held.Task : Task.CompletedTask;
        var opening = host.OpenAsync("slow", 1);
        using var neighbour = await host.OpenAsync("quick", 2);
        neighbour.Submit(Insert(0, "x"));
        await neighbour.ReachAsync(1);
        Assert.False(opening.IsCompleted);
        held.SetResult();
        (await opening).Dispose();
    }

    [Fact]
    public async Task One_big_document_does_not_block_everybody_elses_its_large_edits_are_written_in_parts()
    {
        await using var host = await StartAsync();
        await CreateAsync(host);
        await CreateAsync(host, "neighbour");
        var sessions = new List<TestSession>();
        for (var i = 0; i < 12; i++)
            sessions.Add(await host.OpenAsync("d", (ulong)i + 1));
        using var neighbour = await host.OpenAsync("neighbour", 100);
        var (writing, held, theirs) = (new TaskCompletionSource(), new TaskCompletionSource(), new TaskCompletionSource());
        var appends = 0;
        host.Log.BeforeAppend = () =>
        {
            writing.TrySetResult();
            // Of the big document's edits only the first part may come before the neighbour's: it waits for the rest never.
            return ++appends < 3 ? held.Task : theirs.Task;
        };
        sessions[0].Submit(Insert(0, "x"));
        await writing.Task;
        var text = new string('x', 400_000);
        foreach (var session in sessions.Skip(1))
            session.Submit(Insert(0, text));
        neighbour.Submit(Insert(0, "small"));
        held.SetResult();
        await neighbour.ReachAsync(1);
        Assert.True(sessions[1].Version < 12);
        theirs.SetResult();

        foreach (var session in sessions)
            await session.ReachAsync(12);
        Assert.True(host.Log.LargestAppendBytes <= 1 << 20, $"{host.Log.LargestAppendBytes} bytes in one append");
        Assert.All(sessions, session => Assert.Equal(1 + (11 * text.Length), session.Text.Length));
        sessions.ForEach(session => session.Dispose());
    }

    [Fact]
    public async Task Operations_that_wait_have_a_bound_in_bytes_that_is_named()
    {
        await using var host = await DocumentsHost.StartAsync(
            _directory.File("log.db"), configure: options => options.Limits.PendingBytesPerDocument = 1_000);
        await CreateAsync(host);
        using var one = await host.OpenAsync("d", 1);
        using var two = await host.OpenAsync("d", 2);
        var (writing, held) = (new TaskCompletionSource(), new TaskCompletionSource());
        host.Log.BeforeAppend = () =>
        {
            writing.TrySetResult();
            return held.Task;
        };
        one.Submit(Insert(0, new string('1', 900)));
        await writing.Task;
        two.Submit(Insert(0, new string('2', 900)), 0, 1);
        await two.ReadUntilAsync(() => two.Errors.Count == 1);
        Assert.Equal(ErrorCode.TooManyPending, two.Errors[0].Code);
        Assert.Equal(Retry.Later, two.Errors[0].Retry);
        Assert.Equal("PendingBytesPerDocument", two.Errors[0].Limit);
        Assert.Equal(1_000UL, two.Errors[0].LimitValue);
        held.SetResult();
        await one.ReachAsync(1);

        // What was written makes room; and one operation is taken even if it alone is over the limit.
        while (two.Version < 2)
        {
            var errors = two.Errors.Count;
            two.Submit(Insert(0, new string('2', 2_000)), 0, 1);
            await two.ReadUntilAsync(() => two.Version == 2 || two.Errors.Count > errors);
        }

        Assert.Equal(2_900, two.Text.Length);
    }

    [Fact]
    public async Task An_operation_of_a_megabyte_is_committed_once_and_loops_nowhere()
    {
        await using var host = await StartAsync();
        await CreateAsync(host);
        using var author = await host.OpenAsync("d", 1);
        using var reader = await host.OpenAsync("d", 2);
        var largest = new CloudSyncOptions().Limits.OperationBytes;
        var operation = Delta.FromPlainText(new string('x', largest - 8));
        Assert.InRange(operation.Bytes.Length, largest - 8, largest);
        author.Submit(operation);
        await author.ReachAsync(1);
        await reader.ReachAsync(1);
        Assert.Equal([1L], author.Acknowledged);
        Assert.Equal(operation, reader.Content);
        author.Submit(Insert(0, "y"));
        await reader.ReachAsync(2);
        Assert.Equal(2, (await host.Service.GetAsync("d", CancellationToken.None)).Head);
    }

    private static (Task Reached, TaskCompletionSource Held) HoldNextRead(DocumentsHost host)
    {
        var (reached, held) = (new TaskCompletionSource(), new TaskCompletionSource());
        host.Log.AfterRead = () => reached.TrySetResult() ? held.Task : Task.CompletedTask;
        return (reached.Task, held);
    }

    private static (Task Reached, TaskCompletionSource Held) HoldNextFind(DocumentsHost host)
    {
        var (reached, held) = (new TaskCompletionSource(), new TaskCompletionSource());
        host.Log.AfterFind = _ => reached.TrySetResult() ? held.Task : Task.CompletedTask;
        return (reached.Task, held);
    }
}
