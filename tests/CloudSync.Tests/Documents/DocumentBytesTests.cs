// What a limit of a document's bytes does to one that is at it, or over it.

using CloudSync.Documents;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using Xunit;

namespace CloudSync.Tests.Documents;

public sealed class DocumentBytesTests : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();
    private DocumentsHost _host = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _host = await StartAsync(1_000);

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _directory.Dispose();
    }

    [Theory, InlineData("rich-text"), InlineData("json")]
    public async Task A_document_over_a_limit_that_was_lowered_stays_readable_and_can_shrink(string type)
    {
        var isJson = type == "json";
        var text = new string('x', 500);
        await CreateAsync(type, isJson ? $$"""{"a":"{{text}}"}""" : text);
        await _host.DisposeAsync();
        _host = await StartAsync(100);

        var content = await _host.Service.ReadAsync("d", null, Cancellation);
        Assert.Contains(text, content.ToJson(), StringComparison.Ordinal);
        var larger = isJson ? Json("""[{"p":["a",0],"si":"y"}]""") : Delta.Build().Insert("y").ToDelta().Bytes;
        var refused = await Assert.ThrowsAsync<RefusedException>(() => EditAsync(larger));
        Assert.Equal(
            (ErrorCode.DocumentTooLarge, nameof(CloudSyncLimits.DocumentBytes), 100L),
            (refused.Refusal.Code, refused.Refusal.Limit, (long)refused.Refusal.LimitValue));
        var smaller = isJson
            ? Json($$"""[{"p":["a",0],"sd":"{{new string('x', 10)}}"}]""")
            : Delta.Build().Delete(10).ToDelta().Bytes;
        Assert.Equal(2, (await EditAsync(smaller)).Version);
        Assert.DoesNotContain(text, (await _host.Service.ReadAsync("d", null, Cancellation)).ToJson(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_neighbour_goes_on_after_a_refusal_even_in_the_same_batch()
    {
        await CreateAsync("text", new string('x', 990));
        using var one = await _host.OpenAsync("d", 1);
        using var two = await _host.OpenAsync("d", 2);
        using var three = await _host.OpenAsync("d", 3);
        // Held back, so that what follows shares a batch.
        var held = new TaskCompletionSource();
        _host.Log.BeforeAppend = () => held.Task;
        two.Submit(Delta.Build().Insert("a").ToDelta(), baseVersion: 1, sequence: 1);
        one.Submit(Delta.Build().Insert(new string('y', 50)).ToDelta(), baseVersion: 1, sequence: 1);
        three.Submit(Delta.Build().Insert("b").ToDelta(), baseVersion: 1, sequence: 1);
        held.SetResult();
        await one.ReadUntilAsync(() => one.Errors.Count == 1 && one.Version == 3);
        await two.ReachAsync(3);
        Assert.Equal(ErrorCode.DocumentTooLarge, one.Errors[0].Code);
        Assert.Equal(992, two.Text.Length);
        Assert.Equal(two.Text, one.Text);
    }

    private Task<DocumentsHost> StartAsync(int documentBytes) => DocumentsHost.StartAsync(
        _directory.File("log.db"), configure: options => options.Limits.DocumentBytes = documentBytes);

    private async Task CreateAsync(string type, string content) => await _host.Service.CreateAsync(
        "d", type, "", "", type == "json" ? Json(content) : Delta.FromPlainText(content).Bytes, Cancellation);

    private Task<Log.LoggedOperation> EditAsync(ReadOnlyMemory<byte> operation) =>
        _host.Service.AppendAsync("d", new DocumentEdit(operation), Cancellation);

    private static ReadOnlyMemory<byte> Json(string json) => System.Text.Encoding.UTF8.GetBytes(json);
}
