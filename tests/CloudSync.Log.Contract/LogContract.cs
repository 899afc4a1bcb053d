// What all parts of the suite share: a fresh log for each test, and short ways to fill and to read it.

using System.Globalization;
using System.Text;
using Xunit;

namespace CloudSync.Log.Contract;

/// <summary>The base of the suite's parts. An implementation derives one class from each of them.</summary>
public abstract class LogContract : IAsyncLifetime
{
    private LogStore? store;
    private IOperationLog? log;

    /// <summary>The first moment in the tests.</summary>
    protected static DateTimeOffset Start { get; } = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    protected IOperationLog Log => log!;

    protected LogStore Store => store!;

    /// <summary>Makes a fresh place for a log.</summary>
    protected abstract Task<LogStore> CreateStoreAsync();

    public async ValueTask InitializeAsync()
    {
        store = await CreateStoreAsync();
        log = await store.OpenAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (log is not null)
            await CloseAsync(log);
        if (store is not null)
            await store.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected static async Task CloseAsync(IOperationLog log)
    {
        if (log is IAsyncDisposable disposable)
            await disposable.DisposeAsync();
    }

    protected async Task ReopenAsync()
    {
        await CloseAsync(Log);
        log = await Store.OpenAsync();
    }

    protected Task CreateAsync(string id, DateTimeOffset? createdAt = null, string title = "Title") =>
        Log.CreateAsync(new NewDocument(id, "text", title, createdAt ?? Start, "ada"), Cancellation);

    protected async Task<AppendResult> AppendAsync(string id, long expectedHead, params NewOperation[] operations)
    {
        var results = await Log.AppendAsync([new DocumentAppend(id, expectedHead, operations)], Cancellation);
        return Assert.Single(results);
    }

    /// <summary>Appends <paramref name="count"/> operations to a document at <paramref name="head"/>.</summary>
    protected async Task FillAsync(string id, int count, long head = 0)
    {
        var result = await AppendAsync(
            id, head, [.. Enumerable.Range(1, count).Select(i => Operation((ulong)(head + i)))]);
        Assert.Equal(new AppendResult(AppendOutcome.Appended, head + count), result);
    }

    protected Task<IReadOnlyList<LoggedOperation>> ReadAllAsync(string id, long after = 0) =>
        Log.ReadAsync(id, after, 100_000, int.MaxValue, Cancellation);

    /// <summary>Operation <paramref name="sequence"/> of a client: its bytes tell both.</summary>
    protected static NewOperation Operation(
        ulong sequence, ulong clientId = 1, DateTimeOffset? committedAt = null, byte[]? bytes = null) => new(
            clientId,
            sequence,
            0,
            "ada",
            committedAt ?? Start,
            bytes ?? Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{clientId}/{sequence}")));

    protected static string Text(LoggedOperation operation) => Encoding.UTF8.GetString(operation.Bytes.Span);
}
