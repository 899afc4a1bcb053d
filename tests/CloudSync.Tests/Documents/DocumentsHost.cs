// A gateway's documents without its sockets: the production services on a real SQLite file, with faults at the ports.

using CloudSync.Documents;
using CloudSync.Fanout;
using CloudSync.Log;
using CloudSync.Presence;
using CloudSync.Protocol.V1;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace CloudSync.Tests.Documents;

internal sealed class DocumentsHost : IAsyncDisposable
{
    private readonly ServiceProvider _services;

    private DocumentsHost(ServiceProvider services, FaultyLog log)
    {
        _services = services;
        Log = log;
    }

    public FaultyLog Log { get; }

    public SealedFanout Fanout => _services.GetRequiredService<SealedFanout>();

    public OpenDocuments Documents => _services.GetRequiredService<OpenDocuments>();

    public DocumentService Service => _services.GetRequiredService<DocumentService>();

    public static async Task<DocumentsHost> StartAsync(
        string databasePath, IFanout? fanout = null, Action<CloudSyncOptions>? configure = null, TimeProvider? time = null,
        TaskScheduler? scheduler = null)
    {
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder().Build());
        services.AddLogging();
        if (fanout is not null)
            services.AddSingleton(fanout);
        if (time is not null)
            services.AddSingleton(time);
        if (scheduler is not null)
            services.AddSingleton(scheduler);
        services.AddCloudSync(configure).UseSqlite(databasePath);
        var inner = services.Single(service => service.ServiceType == typeof(IOperationLog));
        services.Remove(inner);
        services.AddSingleton(provider => new FaultyLog((IOperationLog)inner.ImplementationFactory!(provider)));
        services.AddSingleton<IOperationLog>(provider => provider.GetRequiredService<FaultyLog>());
        var provider = services.BuildServiceProvider();
        await provider.GetRequiredService<GatewayLeases>().StartAsync(CancellationToken.None);
        return new(provider, provider.GetRequiredService<FaultyLog>());
    }

    public async Task<TestSession> OpenAsync(
        string documentId, ulong clientId, long? fromVersion = null, string name = "")
    {
        var session = new TestSession(clientId);
        var user = new User { Id = $"user-{clientId}", Name = name };
        await session.AttachAsync(await Documents.OpenAsync(
            documentId, new SessionRequest(clientId, user, fromVersion), session, CancellationToken.None));
        return session;
    }

    public async ValueTask DisposeAsync()
    {
        await Documents.DrainAsync(CancellationToken.None);
        await _services.DisposeAsync();
    }
}

/// <summary>A log that fails when told to.</summary>
internal sealed class FaultyLog(IOperationLog inner) : IOperationLog, IAsyncDisposable
{
    /// <summary>Called before each append; true fails it without writing anything.</summary>
    public Func<bool> FailBeforeAppend { get; set; } = () => false;

    /// <summary>Called after each append; true hides that it succeeded.</summary>
    public Func<bool> FailAfterAppend { get; set; } = () => false;

    /// <summary>Awaited before each append: holds the writer back.</summary>
    public Func<Task> BeforeAppend { get; set; } = () => Task.CompletedTask;

    /// <summary>Called before each read of operations; true fails it.</summary>
    public Func<bool> FailRead { get; set; } = () => false;

    /// <summary>Awaited after each append that went through, before its caller hears of it.</summary>
    public Func<Task> AfterAppend { get; set; } = () => Task.CompletedTask;

    /// <summary>Awaited with the id after each read of a document's record, before its caller has it.</summary>
    public Func<string, Task> AfterFind { get; set; } = _ => Task.CompletedTask;

    /// <summary>Awaited after each read of operations, before its caller has them.</summary>
    public Func<Task> AfterRead { get; set; } = () => Task.CompletedTask;

    /// <summary>Awaited before each read of operations that are known to exist.</summary>
    public Func<Task> BeforeHistory { get; set; } = () => Task.CompletedTask;

    /// <summary>Called before each step of packing; true fails it.</summary>
    public Func<bool> FailPack { get; set; } = () => false;

    /// <summary>Called after each step of packing.</summary>
    public Action<string, PackResult> AfterPack { get; set; } = (_, _) => { };

    public int Appends { get; private set; }

    /// <summary>How many operations were read.</summary>
    public long OperationsRead { get; private set; }

    public ReadOnlyMemory<byte> Key => inner.Key;

    /// <summary>The most bytes of operations that one append has had.</summary>
    public int LargestAppendBytes { get; private set; }

    public async Task<IReadOnlyList<AppendResult>> AppendAsync(
        IReadOnlyList<DocumentAppend> appends, CancellationToken cancellationToken)
    {
        await BeforeAppend();
        if (FailBeforeAppend())
            throw new LogUnavailableException("Told to fail before writing.");
        var results = await inner.AppendAsync(appends, cancellationToken);
        Appends++;
        LargestAppendBytes = Math.Max(
            LargestAppendBytes, appends.Sum(append => append.Operations.Sum(operation => operation.Bytes.Length)));
        await AfterAppend();
        return FailAfterAppend() ? throw new LogUnavailableException("Told to fail after writing.") : results;
    }

    public async Task<IReadOnlyList<LoggedOperation>> ReadAsync(
        string documentId, long afterVersion, int maxCount, int maxBytes, CancellationToken cancellationToken)
    {
        if (FailRead())
            throw new LogUnavailableException("Told to fail reading.");
        var read = await inner.ReadAsync(documentId, afterVersion, maxCount, maxBytes, cancellationToken);
        OperationsRead += read.Count;
        await AfterRead();
        return read;
    }

    public Task CreateAsync(NewDocument document, CancellationToken cancellationToken) =>
        inner.CreateAsync(document, cancellationToken);

    public async Task<DocumentRecord?> FindAsync(string documentId, CancellationToken cancellationToken)
    {
        var found = await inner.FindAsync(documentId, cancellationToken);
        await AfterFind(documentId);
        return found;
    }

    public Task<IReadOnlyList<DocumentRecord>> ListAsync(
        DocumentCursor? after, int limit, CancellationToken cancellationToken) =>
        inner.ListAsync(after, limit, cancellationToken);

    public Task<IReadOnlyList<DocumentRecord>> ListByIdAsync(string afterId, int limit, CancellationToken cancellationToken) =>
        inner.ListByIdAsync(afterId, limit, cancellationToken);

    public Task<IReadOnlyList<DeletedDocument>> ListDeletedAsync(
        string afterId, int limit, CancellationToken cancellationToken) =>
        inner.ListDeletedAsync(afterId, limit, cancellationToken);

    public Task<bool> RenameAsync(string documentId, string title, CancellationToken cancellationToken) =>
        inner.RenameAsync(documentId, title, cancellationToken);

    public Task<bool> DeleteAsync(string documentId, DateTimeOffset deletedAt, CancellationToken cancellationToken) =>
        inner.DeleteAsync(documentId, deletedAt, cancellationToken);

    public async Task<IReadOnlyList<LoggedOperation>> ReadHistoryAsync(
        string documentId, long afterVersion, long throughVersion, int maxBytes, CancellationToken cancellationToken)
    {
        await BeforeHistory();
        return await inner.ReadHistoryAsync(documentId, afterVersion, throughVersion, maxBytes, cancellationToken);
    }

    public Task<IReadOnlyList<AuditLink>> ReadAuditLinksAsync(
        string documentId, long afterVersion, int maxCount, CancellationToken cancellationToken) =>
        inner.ReadAuditLinksAsync(documentId, afterVersion, maxCount, cancellationToken);

    public Task<IReadOnlyList<long>> ReadHeadsAsync(
        IReadOnlyList<string> documentIds, CancellationToken cancellationToken) =>
        inner.ReadHeadsAsync(documentIds, cancellationToken);

    public Task<long?> FindVersionAsync(
        string documentId, DateTimeOffset moment, CancellationToken cancellationToken) =>
        inner.FindVersionAsync(documentId, moment, cancellationToken);

    public Task SaveSnapshotAsync(
        string documentId, long version, ReadOnlyMemory<byte> state, CancellationToken cancellationToken) =>
        inner.SaveSnapshotAsync(documentId, version, state, cancellationToken);

    public Task<LoggedSnapshot?> FindSnapshotAsync(
        string documentId, long atOrBeforeVersion, CancellationToken cancellationToken) =>
        inner.FindSnapshotAsync(documentId, atOrBeforeVersion, cancellationToken);

    public async Task<PackResult> PackAsync(
        string documentId, long throughVersion, int minOperations, CancellationToken cancellationToken)
    {
        if (FailPack())
            throw new LogUnavailableException("Told to fail packing.");
        var result = await inner.PackAsync(documentId, throughVersion, minOperations, cancellationToken);
        AfterPack(documentId, result);
        return result;
    }

    public ValueTask DisposeAsync() => inner is IAsyncDisposable disposable ? disposable.DisposeAsync() : default;
}

/// <summary>A fan-out between gateways that loses, repeats and reorders as a seed says.</summary>
internal sealed class LossyFanout(int seed) : IFanout
{
    private readonly InProcessFanout _inner = new();
    private readonly Random _random = new(seed);
    private readonly Queue<(string DocumentId, ReadOnlyMemory<byte> Message)> _held = new();

    public async ValueTask PublishAsync(
        string documentId, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        var sending = new List<(string DocumentId, ReadOnlyMemory<byte> Message)>();
        lock (_random)
        {
            switch (_random.Next(4))
            {
                case 0:
                    break;
                case 1:
                    sending.Add((documentId, message));
                    sending.Add((documentId, message));
                    break;
                case 2:
                    _held.Enqueue((documentId, message));
                    break;
                default:
                    sending.Add((documentId, message));
                    if (_held.TryDequeue(out var late))
                        sending.Add(late);
                    break;
            }
        }

        foreach (var (id, bytes) in sending)
            await _inner.PublishAsync(id, bytes, cancellationToken);
    }

    public ValueTask<IAsyncDisposable> SubscribeAsync(
        string documentId, Action<ReadOnlyMemory<byte>> handler, CancellationToken cancellationToken) =>
        _inner.SubscribeAsync(documentId, handler, cancellationToken);

    public bool IsHealthy => _inner.IsHealthy;

    public bool IsHealthyFor(string documentId) => _inner.IsHealthyFor(documentId);

    public event Action? HealthChanged
    {
        add => _inner.HealthChanged += value;
        remove => _inner.HealthChanged -= value;
    }
}
