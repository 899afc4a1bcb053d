// One gateway's way to the database: the log port, with everything that can happen on that way.

using CloudSync.Log;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Parts;

/// <remarks>
/// A statement is carried out in one moment between the question and the answer, whatever becomes of who asked. If the answer is lost,
/// the caller doesn't know whether it was.
/// </remarks>
internal sealed class SimulatedLog(Database database, SimulatedProcess process, int appendsAtOnce) : IOperationLog
{
    // How long a caller waits for a database that doesn't answer.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(3);

    public ReadOnlyMemory<byte> Key => database.Key;

    public int AppendsAtOnce => appendsAtOnce;

    /// <summary>This gateway can't reach the database.</summary>
    public bool IsCut { get; set; }

    public Task<IReadOnlyList<AppendResult>> AppendAsync(
        IReadOnlyList<DocumentAppend> appends, CancellationToken cancellationToken) => AskAsync<IReadOnlyList<AppendResult>>(
            () => [.. appends.Select(database.Append)],
            isWrite: true,
            torn: () =>
            {
                foreach (var append in appends)
                {
                    if (database.Random.Next(2) == 0)
                        database.Append(append);
                }
            });

    public Task CreateAsync(NewDocument document, CancellationToken cancellationToken) => AskAsync(
        () =>
        {
            database.Create(document);
            return true;
        },
        isWrite: true);

    public Task<DocumentRecord?> FindAsync(string documentId, CancellationToken cancellationToken) =>
        AskAsync(() => database.Find(documentId)?.Record);

    public Task<IReadOnlyList<LoggedOperation>> ReadAsync(
        string documentId, long afterVersion, int maxCount, int maxBytes, CancellationToken cancellationToken) =>
        AskAsync<IReadOnlyList<LoggedOperation>>(
            () => Range(database.Find(documentId), afterVersion, long.MaxValue, maxCount, maxBytes));

    public Task<IReadOnlyList<LoggedOperation>> ReadHistoryAsync(
        string documentId, long afterVersion, long throughVersion, int maxBytes, CancellationToken cancellationToken) =>
        AskAsync<IReadOnlyList<LoggedOperation>>(
            () => Range(database.FindEver(documentId), afterVersion, throughVersion, 100_000, maxBytes));

    public Task<IReadOnlyList<AuditLink>> ReadAuditLinksAsync(
        string documentId, long afterVersion, int maxCount, CancellationToken cancellationToken) =>
        AskAsync<IReadOnlyList<AuditLink>>(() => database.Find(documentId) is not { } document
            ? []
            : [.. Enumerable.Range(1, (int)Math.Min(maxCount, Math.Max(0, document.Head - afterVersion)))
                .Select(i => new AuditLink(afterVersion + i, document.Link(afterVersion + i)))]);

    public Task<IReadOnlyList<long>> ReadHeadsAsync(
        IReadOnlyList<string> documentIds, CancellationToken cancellationToken) =>
        AskAsync<IReadOnlyList<long>>(() => [.. documentIds.Select(id => database.Find(id)?.Head ?? -1)]);

    public Task<long?> FindVersionAsync(
        string documentId, DateTimeOffset moment, CancellationToken cancellationToken) =>
        AskAsync(() => database.Find(documentId) is not { } document
            ? null
            : (long?)document.Operations.TakeWhile(operation => operation.CommittedAt <= moment).LongCount());

    public Task SaveSnapshotAsync(
        string documentId, long version, ReadOnlyMemory<byte> state, CancellationToken cancellationToken) => AskAsync(
        () =>
        {
            if (database.Find(documentId) is { } document && version <= document.Head)
                document.Snapshots.TryAdd(version, state.ToArray());
            return true;
        },
        isWrite: true);

    public Task<LoggedSnapshot?> FindSnapshotAsync(
        string documentId, long atOrBeforeVersion, CancellationToken cancellationToken) => AskAsync(() =>
        {
            var found = database.Find(documentId)?.Snapshots.LastOrDefault(snapshot => snapshot.Key <= atOrBeforeVersion);
            if (found is not { Key: > 0 } snapshot)
                return null;
            database.World.Reached.Count(Rare.SnapshotLoads);
            return new LoggedSnapshot(snapshot.Key, snapshot.Value);
        });

    // Nobody sees the difference to packed operations (the adapters' suites show that): only snapshots go.
    public Task<PackResult> PackAsync(
        string documentId, long throughVersion, int minOperations, CancellationToken cancellationToken) => AskAsync(
        () =>
        {
            if (database.Find(documentId) is not { } document)
                return default;
            throughVersion = Math.Min(throughVersion, document.Head);
            var operations = (int)(throughVersion - document.PackedThrough);
            if (operations < Math.Max(1, minOperations))
                return new PackResult(0, document.PackedThrough, 0);
            document.PackedThrough = throughVersion;
            var superfluous = document.Snapshots.Keys.Where(version => version <= throughVersion).SkipLast(2).ToList();
            foreach (var version in superfluous)
                document.Snapshots.Remove(version);
            return new PackResult(operations, throughVersion, superfluous.Count);
        },
        isWrite: true);

    public Task<bool> RenameAsync(string documentId, string title, CancellationToken cancellationToken) => AskAsync(
        () =>
        {
            if (database.Find(documentId) is not { } document)
                return false;
            document.Title = title;
            return true;
        },
        isWrite: true);

    public Task<bool> DeleteAsync(string documentId, DateTimeOffset deletedAt, CancellationToken cancellationToken) =>
        AskAsync(() => database.Delete(documentId), isWrite: true);

    public Task<IReadOnlyList<DocumentRecord>> ListAsync(
        DocumentCursor? after, int limit, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IReadOnlyList<DocumentRecord>> ListByIdAsync(string afterId, int limit, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public Task<IReadOnlyList<DeletedDocument>> ListDeletedAsync(
        string afterId, int limit, CancellationToken cancellationToken) => throw new NotSupportedException();

    private static List<LoggedOperation> Range(
        StoredDocument? document, long afterVersion, long throughVersion, int maxCount, int maxBytes)
    {
        if (document is null || afterVersion >= document.Head)
            return [];
        var read = new List<LoggedOperation>();
        long bytes = 0;
        for (var version = afterVersion + 1; version <= Math.Min(throughVersion, document.Head) && read.Count < maxCount; version++)
        {
            var operation = document.Operations[(int)version - 1];
            bytes += operation.Bytes.Length;
            if (read.Count > 0 && bytes > maxBytes)
                break;
            read.Add(operation);
        }

        return read;
    }

    private Task<T> AskAsync<T>(Func<T> statement, bool isWrite = false, Action? torn = null)
    {
        var world = database.World;
        var random = database.Random;
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (IsCut || !database.IsUp)
        {
            // Refused at once, or no answer at all.
            world.After(random.Next(2) == 0 ? database.Latency : _patience, () => Fail("It can't be reached."));
            return answer.Task;
        }

        var incarnation = database.Incarnation;
        var there = Wait(database.Latency);
        var carriedOut = world.Now + (there + (isWrite ? Wait(database.Sync) : TimeSpan.Zero)).Ticks;
        var fails = random.NextDouble() < database.FailureRate;
        var failsBefore = random.Next(2) == 0;
        world.At(carriedOut, () =>
        {
            if (incarnation != database.Incarnation)
            {
                torn?.Invoke();
                Fail("The server closed the connection unexpectedly.");
                return;
            }

            if (fails && failsBefore)
            {
                Fail("The statement was cancelled.");
                return;
            }

            try
            {
                var result = statement();
                world.After(Wait(database.Latency), () =>
                {
                    if ((fails && isWrite) || IsCut || incarnation != database.Incarnation)
                        Fail("The connection was lost before the answer.");
                    else
                        answer.TrySetResult(result);
                });
            }
            catch (DocumentExistsException exception)
            {
                answer.TrySetException(exception);
            }
        });
        return answer.Task;

        TimeSpan Wait(TimeSpan atMost) => atMost * (0.25 + (0.75 * random.NextDouble())) * database.Slowness;

        void Fail(string why) => answer.TrySetException(new LogUnavailableException($"{process.Name}: the database: {why}"));
    }
}
