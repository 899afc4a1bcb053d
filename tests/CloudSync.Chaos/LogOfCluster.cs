// The log of a run's cluster, read past its gateways: from the primary itself.

using CloudSync.Chaos.Checking;
using CloudSync.Log;
using CloudSync.Operations;
using CloudSync.PostgreSql;
using Microsoft.Extensions.DependencyInjection;

namespace CloudSync.Chaos;

internal sealed class LogOfCluster : IAsyncDisposable
{
    private const int PageOperations = 10_000;
    private const int PageBytes = 16 << 20;

    private readonly ServiceProvider _services;

    public LogOfCluster(string connectionString)
    {
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddMetrics();
        services.AddSingleton(TimeProvider.System);
        services.AddPostgreSqlLog(options => options.ConnectionString = connectionString);
        _services = services.BuildServiceProvider();
    }

    private IOperationLog Log => _services.GetRequiredService<IOperationLog>();

    public async Task<long> HeadAsync(string document, CancellationToken stop) => (await Log.ReadHeadsAsync([document], stop))[0];

    /// <summary>All operations of these documents.</summary>
    public async Task<IReadOnlyList<LoggedDocument>> ReadAsync(IReadOnlyList<string> documents, CancellationToken stop)
    {
        var read = new List<LoggedDocument>();
        foreach (var id in documents)
        {
            if (await Log.FindAsync(id, stop) is not { } record)
                continue;
            var entries = new List<LogEntry>();
            while (await Log.ReadAsync(id, entries.Count, PageOperations, PageBytes, stop) is { Count: > 0 } page)
            {
                entries.AddRange(page.Select(static operation =>
                    new LogEntry(operation.Version, operation.ClientId, operation.ClientSequence, operation.Bytes)));
            }

            read.Add(new LoggedDocument(id, DocumentType.Find(record.Type)!, entries));
        }

        return read;
    }

    public ValueTask DisposeAsync() => _services.DisposeAsync();
}
