// A document is deleted by another gateway, and nobody has told this one yet: whatever looks into the log and finds nothing there
// says that the document is gone, and not that it is damaged.

using CloudSync.Documents;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using Xunit;

namespace CloudSync.Tests.Documents;

public sealed class DeletionTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private static Delta Insert(int position, string text) => Delta.Build().Retain(position).Insert(text).ToDelta();

    // Without a fan-out between them, nor a comparison of heads.
    private Task<DocumentsHost> StartAsync() => DocumentsHost.StartAsync(
        _directory.File("log.db"), configure: static options => options.HeadCheckInterval = TimeSpan.FromHours(1));

    private static async Task<TestSession> WriteTwoAsync(DocumentsHost host)
    {
        await host.Service.CreateAsync("d", "text", "D", "", ReadOnlyMemory<byte>.Empty, CancellationToken.None);
        var writer = await host.OpenAsync("d", 1);
        for (var version = 1; version <= 2; version++)
        {
            writer.Submit(Insert(0, "x"));
            await writer.ReachAsync(version);
        }

        return writer;
    }

    private static async Task AssertNotFoundAsync(Func<Task> act) => Assert.Equal(
        ErrorCode.DocumentNotFound, (await Assert.ThrowsAsync<RefusedException>(act)).Refusal.Code);

    [Fact]
    public async Task A_document_that_is_deleted_while_it_is_loaded_is_not_found()
    {
        await using var here = await StartAsync();
        await using var elsewhere = await StartAsync();
        using var writer = await WriteTwoAsync(elsewhere);
        var (found, held) = (new TaskCompletionSource(), new TaskCompletionSource());
        here.Log.AfterFind = _ =>
        {
            found.TrySetResult();
            return held.Task;
        };
        var opening = here.OpenAsync("d", 2);
        await found.Task;
        await elsewhere.Service.DeleteAsync("d", CancellationToken.None);
        held.SetResult();
        await AssertNotFoundAsync(() => opening);
    }

    [Fact]
    public async Task An_edit_made_on_an_old_version_of_a_deleted_document_is_told_so()
    {
        await using var here = await StartAsync();
        await using var elsewhere = await StartAsync();
        using var writer = await WriteTwoAsync(elsewhere);
        using var late = await here.OpenAsync("d", 2);
        await elsewhere.Service.DeleteAsync("d", CancellationToken.None);
        late.Submit(Insert(0, "y"), baseVersion: 0, sequence: 1);
        await late.ReadUntilAsync(() => late.Closed == ClosedReason.Deleted);
    }

    [Fact]
    public async Task Somebody_who_catches_up_in_a_deleted_document_is_told_so()
    {
        await using var here = await StartAsync();
        await using var elsewhere = await StartAsync();
        using var writer = await WriteTwoAsync(elsewhere);
        using var reader = await here.OpenAsync("d", 2);
        await elsewhere.Service.DeleteAsync("d", CancellationToken.None);
        using var late = await here.OpenAsync("d", 3, fromVersion: 0);
        await late.ReadUntilAsync(() => late.Closed == ClosedReason.Deleted);
    }

    [Fact]
    public async Task Somebody_who_comes_with_a_version_that_was_deleted_before_it_was_heard_of_is_told_so()
    {
        await using var here = await StartAsync();
        await using var elsewhere = await StartAsync();
        using var writer = await WriteTwoAsync(elsewhere);
        using var reader = await here.OpenAsync("d", 2);
        writer.Submit(Insert(0, "z"));
        await writer.ReachAsync(3);
        await elsewhere.Service.DeleteAsync("d", CancellationToken.None);
        await AssertNotFoundAsync(() => here.OpenAsync("d", 3, fromVersion: 3));
        await reader.ReadUntilAsync(() => reader.Closed == ClosedReason.Deleted);
    }

    [Fact]
    public async Task A_programs_edit_of_a_version_that_was_deleted_before_it_was_heard_of_is_told_so()
    {
        await using var here = await StartAsync();
        await using var elsewhere = await StartAsync();
        using var writer = await WriteTwoAsync(elsewhere);
        using var reader = await here.OpenAsync("d", 2);
        await elsewhere.Service.DeleteAsync("d", CancellationToken.None);
        await AssertNotFoundAsync(() => here.Service.AppendAsync(
            "d", new DocumentEdit(Insert(0, "y").Bytes, BaseVersion: 3, "", ClientId: 7, ClientSequence: 1), CancellationToken.None));
    }

    [Fact]
    public async Task A_programs_edit_that_is_sent_again_and_found_in_a_deleted_document_is_told_so()
    {
        await using var here = await StartAsync();
        await using var elsewhere = await StartAsync();
        using var writer = await WriteTwoAsync(here);
        var edit = new DocumentEdit(Insert(0, "y").Bytes, BaseVersion: 2, "", ClientId: 7, ClientSequence: 1);
        await here.Service.AppendAsync("d", edit, CancellationToken.None);
        here.Log.FailRead = () =>
        {
            here.Log.FailRead = () => false;
            elsewhere.Service.DeleteAsync("d", CancellationToken.None).GetAwaiter().GetResult();
            return false;
        };
        await AssertNotFoundAsync(() => here.Service.AppendAsync("d", edit, CancellationToken.None));
    }
}
